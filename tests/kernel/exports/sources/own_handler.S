// SPDX-License-Identifier: MIT
// The frame of own_handler: calls faults(rcx), and returns what RAX is at the landing.

    .intel_syntax noprefix
    .text

    .globl  own_frame
    .globl  own_landing
    .seh_proc own_frame
    .seh_handler own_handler, @unwind, @except
own_frame:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     rbx, 0x1234
    call    faults
    mov     eax, 1
    jmp     .Lout
own_landing:
    cmp     rbx, 0x1234
    je      .Lout
    mov     eax, 2
.Lout:
    nop
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

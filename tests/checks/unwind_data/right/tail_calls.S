// SPDX-License-Identifier: MIT
// Every way to leave for another function.

#include "../guest/unwind.inc"

    .globl  tail_calls
    .seh_proc tail_calls
tail_calls:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    call    by_memory
    call    by_register
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    jmp     last
    .seh_endproc

    .globl  by_memory
    .seh_proc by_memory
by_memory:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    nop
    add     rsp, 0x28
    jmp     [rip + pointer]
    .seh_endproc

    .globl  by_register
    .seh_proc by_register
by_register:
    push    rsi
    .seh_pushreg rsi
    .seh_endprologue
    mov     rax, [rip + pointer]
    pop     rsi
    .byte   0x48                // REX.W, which marks an indirect jump as a way out
    jmp     rax
    .seh_endproc

    .globl  last
last:
    xor     eax, eax
    ret

    .section .rdata, "dr"
    .balign 8
pointer:
    .quad   last

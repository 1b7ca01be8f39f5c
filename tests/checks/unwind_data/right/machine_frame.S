// SPDX-License-Identifier: MIT
// A trap made by hand, without an error code.

#include "../guest/unwind.inc"

    .globl  machine_frame
    .seh_proc machine_frame
machine_frame:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     rax, rsp
    mov     ecx, ss
    push    rcx
    push    rax
    pushfq
    mov     ecx, cs
    push    rcx
    lea     rax, [rip + .Linterrupted]
    push    rax
    lea     rcx, [rip + trap]
    jmp     rcx
.Linterrupted:
    xor     eax, eax
    lea     rsp, [rbp]
    pop     rbp
    ret
    .seh_endproc

    .globl  trap
    .seh_proc trap
trap:
    .seh_pushframe
    .seh_endprologue
    xor     eax, eax
    iretq
    .seh_endproc

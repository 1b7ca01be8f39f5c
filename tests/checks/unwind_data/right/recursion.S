// SPDX-License-Identifier: MIT
// A function that calls itself, with a register saved in every activation.

#include "../guest/unwind.inc"

    .globl  recursion
    .seh_proc recursion
recursion:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    movzx   ebx, cl
    and     ebx, 7
    jz      .Lbottom
    lea     ecx, [rbx - 1]
    call    recursion
    add     eax, ebx
    jmp     .Lout
.Lbottom:
    xor     eax, eax
.Lout:
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A push in the body of a function without a frame register.

#include "unwind.inc"

    .globl  push_in_body
    .seh_proc push_in_body
push_in_body:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    xor     eax, eax
    push    rax
    nop
    pop     rax
    add     rsp, 0x28
    ret
    .seh_endproc

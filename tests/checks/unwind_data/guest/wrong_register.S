// SPDX-License-Identifier: MIT
// A push of another register than the code says.

#include "unwind.inc"

    .globl  wrong_register
    .seh_proc wrong_register
wrong_register:
    push    rdi
    .seh_pushreg rsi
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     edi, edi
    add     rsp, 0x20
    pop     rdi
    ret
    .seh_endproc

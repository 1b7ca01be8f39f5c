// SPDX-License-Identifier: MIT
// A push that no code describes.

#include "unwind.inc"

    .globl  missing_push
    .seh_proc missing_push
missing_push:
    push    rbx
    .seh_pushreg rbx
    push    rdi
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    xor     eax, eax
    add     rsp, 0x28
    pop     rdi
    pop     rbx
    ret
    .seh_endproc

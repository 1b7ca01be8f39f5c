// SPDX-License-Identifier: MIT
// An allocation that no code describes.

#include "unwind.inc"

    .globl  missing_allocation
    .seh_proc missing_allocation
missing_allocation:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    nop
    .seh_endprologue
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A frame register at another offset than the code says.

#include "unwind.inc"

    .globl  wrong_frame_offset
    .seh_proc wrong_frame_offset
wrong_frame_offset:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x10
    .seh_endprologue
    xor     eax, eax
    lea     rsp, [rbp]
    pop     rbp
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Another frame register than the code says.

#include "unwind.inc"

    .globl  wrong_frame_register
    .seh_proc wrong_frame_register
wrong_frame_register:
    push    rbp
    .seh_pushreg rbp
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbx, 0x20
    .seh_endprologue
    xor     ebx, ebx
    add     rsp, 0x28
    pop     rbx
    pop     rbp
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// RSP moves in the body, and no code says which register keeps the frame.

#include "unwind.inc"

    .globl  missing_frame_register
    .seh_proc missing_frame_register
missing_frame_register:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    lea     rbp, [rsp + 0x20]
    .seh_endprologue
    mov     eax, 0x40
    sub     rsp, rax
    xor     eax, eax
    lea     rsp, [rbp]
    pop     rbp
    ret
    .seh_endproc

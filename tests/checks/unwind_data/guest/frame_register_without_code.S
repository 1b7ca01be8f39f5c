// SPDX-License-Identifier: MIT
// A frame register that no code sets: the frame of a handler would be wherever RBP points.

#include "unwind.inc"

    .globl  frame_register_without_code
frame_register_without_code:
    push    rbp
    sub     rsp, 0x20
    mov     rbp, rsp
    nop
    lea     rbp, [rsp + 0x10]
    nop
    add     rsp, 0x20
    pop     rbp
    ret
.Lend:

    ENTRY   frame_register_without_code, .Lend, .Linfo
    INFO    .Linfo, prologue=5, codes=2, register=RBP
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBP
    END_INFO

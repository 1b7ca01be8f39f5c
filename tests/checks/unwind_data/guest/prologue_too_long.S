// SPDX-License-Identifier: MIT
// A prologue with a part of the body in it.

#include "unwind.inc"

    .globl  prologue_too_long
prologue_too_long:
    push    rbx
    sub     rsp, 0x20
    call    .Lcallee
    add     rsp, 0x20
    pop     rbx
.Lcallee:
    ret
.Lend:

    ENTRY   prologue_too_long, .Lend, .Linfo
    INFO    .Linfo, prologue=10, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

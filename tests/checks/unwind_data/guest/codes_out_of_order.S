// SPDX-License-Identifier: MIT
// Codes in the order of the prologue, not the reverse of it.

#include "unwind.inc"

    .globl  codes_out_of_order
codes_out_of_order:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   codes_out_of_order, .Lend, .Linfo
    INFO    .Linfo, prologue=5, codes=2
    CODE    1, PUSH_NONVOL, RBX
    CODE    5, ALLOC_SMALL, 3
    END_INFO

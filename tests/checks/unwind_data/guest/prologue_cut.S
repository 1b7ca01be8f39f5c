// SPDX-License-Identifier: MIT
// A prologue that ends inside of an instruction.

#include "unwind.inc"

    .globl  prologue_cut
prologue_cut:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   prologue_cut, .Lend, .Linfo
    INFO    .Linfo, prologue=6, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

// SPDX-License-Identifier: MIT
// A prologue that ends before its last code.

#include "unwind.inc"

    .globl  prologue_too_short
prologue_too_short:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   prologue_too_short, .Lend, .Linfo
    INFO    .Linfo, prologue=1, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

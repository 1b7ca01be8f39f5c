// SPDX-License-Identifier: MIT
// Two entries of the table that overlap.

#include "unwind.inc"

    .globl  overlapping_entries
overlapping_entries:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
.Linside:
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:
    int3
.Llast:

    ENTRY   overlapping_entries, .Lend, .Linfo
    ENTRY   .Linside, .Llast, .Linfo
    INFO    .Linfo, prologue=5, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

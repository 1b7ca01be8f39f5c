// SPDX-License-Identifier: MIT
// A part of a function that is chained to a range that is no entry of the table.

#include "unwind.inc"

    .globl  chain_to_nothing
chain_to_nothing:
    push    rbx
    sub     rsp, 0x20
    jmp     .Lcold
.Lend:
    int3

.Lcold:
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lcold_end:

    ENTRY   chain_to_nothing, .Lend, .Linfo
    ENTRY   .Lcold, .Lcold_end, .Lcold_info
    INFO    .Linfo, prologue=5, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO
    INFO    .Lcold_info, flags=4
    .long   chain_to_nothing@IMGREL, .Lcold@IMGREL, .Linfo@IMGREL
    END_INFO

// SPDX-License-Identifier: MIT
// A part of a function whose parent describes a smaller frame than it is jumped to with.

#include "unwind.inc"

    .globl  chain_with_other_codes
chain_with_other_codes:
    push    rbx
    sub     rsp, 0x20
    sub     rsp, 0x20
    jmp     .Lcold
.Lend:
    int3

.Lcold:
    xor     ebx, ebx
    add     rsp, 0x40
    pop     rbx
    ret
.Lcold_end:

    ENTRY   chain_with_other_codes, .Lend, .Linfo
    ENTRY   .Lcold, .Lcold_end, .Lcold_info
    INFO    .Linfo, prologue=5, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO
    INFO    .Lcold_info, flags=4
    .long   chain_with_other_codes@IMGREL, .Lend@IMGREL, .Linfo@IMGREL
    END_INFO

// SPDX-License-Identifier: MIT
// Unwind information of version 3.

#include "unwind.inc"

    .globl  version_3
version_3:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   version_3, .Lend, .Linfo
    INFO    .Linfo, version=3, prologue=5, codes=2
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

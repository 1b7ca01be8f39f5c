// SPDX-License-Identifier: MIT
// A code offset that is an instruction late.

#include "unwind.inc"

    .globl  code_offset_late
code_offset_late:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   code_offset_late, .Lend, .Linfo
    INFO    .Linfo, prologue=7, codes=2
    CODE    7, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

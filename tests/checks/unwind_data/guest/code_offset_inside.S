// SPDX-License-Identifier: MIT
// A code offset that is a byte short of the end of its instruction.

#include "unwind.inc"

    .globl  code_offset_inside
code_offset_inside:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   code_offset_inside, .Lend, .Linfo
    INFO    .Linfo, prologue=5, codes=2
    CODE    4, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    END_INFO

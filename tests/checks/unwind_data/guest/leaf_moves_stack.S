// SPDX-License-Identifier: MIT
// A function without an entry in the table that moves RSP.

#include "unwind.inc"

    .globl  leaf_moves_stack
leaf_moves_stack:
    sub     rsp, 0x28
    xor     eax, eax
    add     rsp, 0x28
    ret

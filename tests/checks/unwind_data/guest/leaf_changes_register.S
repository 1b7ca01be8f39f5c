// SPDX-License-Identifier: MIT
// A function without an entry in the table that changes a non-volatile register.

#include "unwind.inc"

    .globl  leaf_changes_register
leaf_changes_register:
    mov     rax, rsi
    xor     esi, esi
    mov     rsi, rax
    ret

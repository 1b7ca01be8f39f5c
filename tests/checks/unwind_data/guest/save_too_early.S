// SPDX-License-Identifier: MIT
// A save that its code describes before it has happened.

#include "unwind.inc"

    .globl  save_too_early
save_too_early:
    sub     rsp, 0x28
    xor     eax, eax
    mov     [rsp + 0x20], rbx
    xor     ebx, ebx
    mov     rbx, [rsp + 0x20]
    add     rsp, 0x28
    ret
.Lend:

    ENTRY   save_too_early, .Lend, .Linfo
    INFO    .Linfo, prologue=11, codes=3
    CODE    6, SAVE_NONVOL, RBX
    .short  0x20 / 8
    CODE    4, ALLOC_SMALL, 4
    CODE    0, 0
    END_INFO

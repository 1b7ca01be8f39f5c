// SPDX-License-Identifier: MIT
// A prologue as Microsoft's compiler writes it: registers go to the caller's home space first, and the codes describe
// that only where the prologue ends.

#include "../guest/unwind.inc"

    .globl  saves_in_home_space
saves_in_home_space:
    mov     [rsp + 0x08], rbx
    mov     [rsp + 0x10], rsi
    push    rdi
    sub     rsp, 0x20
    xor     ebx, ebx
    xor     esi, esi
    xor     edi, edi
    mov     rbx, [rsp + 0x30]
    mov     rsi, [rsp + 0x38]
    add     rsp, 0x20
    pop     rdi
    ret
.Lend:

    ENTRY   saves_in_home_space, .Lend, .Linfo
    INFO    .Linfo, prologue=15, codes=6
    CODE    15, SAVE_NONVOL, RSI
    .short  0x38 / 8
    CODE    15, SAVE_NONVOL, RBX
    .short  0x30 / 8
    CODE    15, ALLOC_SMALL, 3
    CODE    11, PUSH_NONVOL, RDI
    END_INFO

// SPDX-License-Identifier: MIT
// A prologue as Microsoft's compiler writes it: it saves by RAX, which has kept RSP as it was at entry.

#include "../guest/unwind.inc"

    .globl  saves_through_rax
saves_through_rax:
    mov     rax, rsp
    mov     [rax + 0x08], rbx
    push    rdi
    sub     rsp, 0x40
    movaps  [rax - 0x18], xmm6
    xor     ebx, ebx
    xorps   xmm6, xmm6
    lea     r11, [rsp + 0x40]
    mov     rbx, [r11 + 0x10]
    movaps  xmm6, [rsp + 0x30]
    mov     rsp, r11
    pop     rdi
    ret
.Lend:

    ENTRY   saves_through_rax, .Lend, .Linfo
    INFO    .Linfo, prologue=16, codes=6
    CODE    16, 8, 6            // SAVE_XMM128
    .short  0x30 / 16
    CODE    12, SAVE_NONVOL, RBX
    .short  0x50 / 8
    CODE    12, ALLOC_SMALL, 7
    CODE    8, PUSH_NONVOL, RDI
    END_INFO

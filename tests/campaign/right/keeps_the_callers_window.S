// SPDX-License-Identifier: MIT
// Leaves AC as it found it.

#include "copy.inc"

    .intel_syntax noprefix
    .text
    .globl  KeepsTheCallersWindow
    .seh_proc KeepsTheCallersWindow
KeepsTheCallersWindow:
    pushfq
    .seh_stackalloc 8
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    user_range
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    test    dword ptr [rsp + 0x20], 1 << 18
    jnz     .Lkeep
    clac
.Lkeep:
    add     rsp, 0x28
    ret
    refused
    .seh_endproc

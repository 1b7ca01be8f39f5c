// SPDX-License-Identifier: MIT
// Vectors, the last of which overlaps the one before it: no byte outside is touched, some twice.

#include "copy.inc"

    .intel_syntax noprefix
    .text
    .globl  OverlappingVectorTail
    .seh_proc OverlappingVectorTail
OverlappingVectorTail:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    user_range
    stac
    cmp     r8, 16
    jb      .Lbytes
    mov     r9, r8
.Lvector:
    movdqu  xmm0, [rdx]
    movdqu  [rcx], xmm0
    add     rdx, 16
    add     rcx, 16
    sub     r9, 16
    cmp     r9, 16
    jae     .Lvector
    test    r9, r9
    jz      .Lend
    movdqu  xmm0, [rdx + r9 - 16]
    movdqu  [rcx + r9 - 16], xmm0
    jmp     .Lend
.Lbytes:
    test    r8, r8
    jz      .Lend
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jmp     .Lbytes
.Lend:
    clac
    add     rsp, 0x28
    ret
    refused
    .seh_endproc

// SPDX-License-Identifier: MIT
// Uses rbx, r12 and xmm6, and saves each of them where its unwind codes say.

#include "copy.inc"

    .intel_syntax noprefix
    .text
    .globl  SavesWhatItUses
    .seh_proc SavesWhatItUses
SavesWhatItUses:
    push    rbx
    .seh_pushreg rbx
    push    r12
    .seh_pushreg r12
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    .seh_endprologue
    user_range
    stac
    xor     ebx, ebx
.Lnext:
    mov     r12, r8
    sub     r12, rbx
    jz      .Lend
    cmp     r12, 16
    jb      .Lbyte
    movdqu  xmm6, [rdx + rbx]
    movdqu  [rcx + rbx], xmm6
    add     rbx, 16
    jmp     .Lnext
.Lbyte:
    movzx   eax, byte ptr [rdx + rbx]
    mov     [rcx + rbx], al
    inc     rbx
    jmp     .Lnext
.Lend:
    clac
    movaps  xmm6, [rsp + 0x20]
    add     rsp, 0x38
    pop     r12
    pop     rbx
    ret
    refused
    .seh_endproc

// SPDX-License-Identifier: MIT
// Eight bytes a step, then byte by byte.

#include "copy.inc"

    .intel_syntax noprefix
    .text
    .globl  EightBytesAStep
    .seh_proc EightBytesAStep
EightBytesAStep:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    user_range
    stac
    mov     r9, r8
    and     r8d, 7
    shr     r9, 3
    jz      .Ltail
.Leight:
    mov     rax, [rdx]
    mov     [rcx], rax
    add     rdx, 8
    add     rcx, 8
    dec     r9
    jnz     .Leight
.Ltail:
    test    r8d, r8d
    jz      .Lend
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8d
    jmp     .Ltail
.Lend:
    clac
    add     rsp, 0x28
    ret
    refused
    .seh_endproc

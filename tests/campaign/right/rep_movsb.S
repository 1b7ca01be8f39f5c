// SPDX-License-Identifier: MIT
// The processor's own copy.

#include "copy.inc"

    .intel_syntax noprefix
    .text
    .globl  RepMovsb
    .seh_proc RepMovsb
RepMovsb:
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    user_range
    cld
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rcx, r8
    stac
    rep movsb
    clac
    add     rsp, 0x28
    pop     rdi
    pop     rsi
    ret
    refused
    .seh_endproc

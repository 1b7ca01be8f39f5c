// SPDX-License-Identifier: MIT
// One byte a step.

#include "copy.inc"

    .intel_syntax noprefix
    .text
    .globl  ByteLoop
    .seh_proc ByteLoop
ByteLoop:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
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
    clac
    add     rsp, 0x28
    ret
    refused
    .seh_endproc

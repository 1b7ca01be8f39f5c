// SPDX-License-Identifier: MIT
// Halves the step down to two bytes, and has nothing for the last one.
// sweep: length=0-8
// expect: timeout: blocks were used up at

    .intel_syntax noprefix
    .text
    .globl  NeverEndsAtOneByte
    .seh_proc NeverEndsAtOneByte
NeverEndsAtOneByte:
    .seh_endprologue
    stac
.Lnext:
    test    r8, r8
    jz      .Lend
    cmp     r8, 4
    jae     .Lfour
    cmp     r8, 2
    jb      .Lnext
    movzx   eax, word ptr [rdx]
    mov     [rcx], ax
    add     rdx, 2
    add     rcx, 2
    sub     r8, 2
    jmp     .Lnext
.Lfour:
    mov     eax, [rdx]
    mov     [rcx], eax
    add     rdx, 4
    add     rcx, 4
    sub     r8, 4
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

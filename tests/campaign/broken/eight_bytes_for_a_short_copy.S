// SPDX-License-Identifier: MIT
// Copies eight bytes where the length is less than that.
// sweep: length=0-20
// expect: wrong-data: byte 1, behind the last one, was written

    .intel_syntax noprefix
    .text
    .globl  EightBytesForAShortCopy
    .seh_proc EightBytesForAShortCopy
EightBytesForAShortCopy:
    .seh_endprologue
    test    r8, r8
    jz      .Lend
    stac
.Leight:
    mov     rax, [rdx]
    mov     [rcx], rax
    add     rdx, 8
    add     rcx, 8
    sub     r8, 8
    jbe     .Lclose
    cmp     r8, 8
    jae     .Leight
.Lbyte:
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jnz     .Lbyte
.Lclose:
    clac
.Lend:
    ret
    .seh_endproc

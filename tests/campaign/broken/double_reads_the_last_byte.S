// SPDX-License-Identifier: MIT
// Copies the last byte once more, in a step for odd lengths that is always taken.
// sweep: length=3 fault=flip=0x80@every-byte,access=2
// expect: wrong-data: byte 2 of 3 was fetched twice

    .intel_syntax noprefix
    .text
    .globl  DoubleReadsTheLastByte
    .seh_proc DoubleReadsTheLastByte
DoubleReadsTheLastByte:
    .seh_endprologue
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
    test    r8, r8
    jz      .Lclose
    movzx   eax, byte ptr [rdx + r8 - 1]
    mov     [rcx + r8 - 1], al
.Lclose:
    clac
    ret
    .seh_endproc

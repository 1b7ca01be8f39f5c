// SPDX-License-Identifier: MIT
// Looks at each byte before it copies it, and reads it again for the copy.
// sweep: length=3 fault=flip=0x80@every-byte,access=2
// expect: wrong-data: byte 0 of 3 was fetched twice

    .intel_syntax noprefix
    .text
    .globl  DoubleReadsEachByte
    .seh_proc DoubleReadsEachByte
DoubleReadsEachByte:
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    cmp     byte ptr [rdx + r9], 0
    movzx   eax, byte ptr [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

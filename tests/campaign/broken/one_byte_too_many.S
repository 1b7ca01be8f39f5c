// SPDX-License-Identifier: MIT
// Ends the copy with a zero, as if it were a string: one byte behind the target.
// sweep: length=0-4
// expect: wrong-data: byte 0, behind the last one, was written: it is 0x00

    .intel_syntax noprefix
    .text
    .globl  OneByteTooMany
    .seh_proc OneByteTooMany
OneByteTooMany:
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
    clac
    mov     byte ptr [rcx + r8], 0
    ret
    .seh_endproc

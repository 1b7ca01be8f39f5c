// SPDX-License-Identifier: MIT
// Splits the copy where a page of the source begins, and starts the second part one byte late.
// sweep: length=8 source=4088-4095
// expect: wrong-data: byte 7 of 8 never landed

    .intel_syntax noprefix
    .text
    .globl  SkipsAByteAtAPage
    .seh_proc SkipsAByteAtAPage
SkipsAByteAtAPage:
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    lea     rax, [rdx + r9]
    test    eax, 0xFFF
    jnz     .Lnext
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

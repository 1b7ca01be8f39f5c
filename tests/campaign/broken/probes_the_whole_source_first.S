// SPDX-License-Identifier: MIT
// Reads the whole source to see whether it can be read, and then copies it: a late fault leaves nothing.
// sweep: length=130 fault=none@src+100
// expect: wrong-data: bytes 0 to 36 of 130 never landed

    .intel_syntax noprefix
    .text
    .globl  ProbesTheWholeSourceFirst
    .seh_proc ProbesTheWholeSourceFirst
ProbesTheWholeSourceFirst:
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lprobe:
    cmp     r9, r8
    jae     .Lprobed
    movzx   eax, byte ptr [rdx + r9]
    inc     r9
    jmp     .Lprobe
.Lprobed:
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
    ret
    .seh_endproc

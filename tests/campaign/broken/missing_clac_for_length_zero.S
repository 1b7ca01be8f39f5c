// SPDX-License-Identifier: MIT
// Leaves the window open where there is nothing to copy.
// sweep: length=0-4
// expect: state-leak: AC is still set

    .intel_syntax noprefix
    .text
    .globl  MissingClacForLengthZero
    .seh_proc MissingClacForLengthZero
MissingClacForLengthZero:
    .seh_endprologue
    stac
    test    r8, r8
    jz      .Ldone
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
.Ldone:
    ret
    .seh_endproc

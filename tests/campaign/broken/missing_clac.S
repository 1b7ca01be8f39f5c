// SPDX-License-Identifier: MIT
// Leaves the window open.
// sweep: length=0-4
// expect: state-leak: AC is still set

    .intel_syntax noprefix
    .text
    .globl  MissingClac
    .seh_proc MissingClac
MissingClac:
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
    ret
    .seh_endproc

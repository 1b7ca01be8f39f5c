// SPDX-License-Identifier: MIT
// Reads user memory without opening the window.
// sweep: length=0-4
// expect: bugcheck: byte 0 was touched with AC clear (SMAP) at

    .intel_syntax noprefix
    .text
    .globl  MissingStac
    .seh_proc MissingStac
MissingStac:
    .seh_endprologue
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

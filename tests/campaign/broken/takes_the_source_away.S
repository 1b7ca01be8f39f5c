// SPDX-License-Identifier: MIT
// Reads each byte with an xchg, which leaves a zero in the source.
// sweep: length=0-4
// expect: state-leak: byte 0 of the source was written: it is 0x00

    .intel_syntax noprefix
    .text
    .globl  TakesTheSourceAway
    .seh_proc TakesTheSourceAway
TakesTheSourceAway:
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    xor     eax, eax
    xchg    [rdx + r9], al
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

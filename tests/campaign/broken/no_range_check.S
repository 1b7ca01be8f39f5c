// SPDX-License-Identifier: MIT
// Never asks whether the source is user memory: a kernel address is copied like any other.
// sweep: length=16 at=kernel
// expect: wrong-status: it returned without an exception; byte 0 is no user address and must raise STATUS_ACCESS_VIOLATION

    .intel_syntax noprefix
    .text
    .globl  NoRangeCheck
    .seh_proc NoRangeCheck
NoRangeCheck:
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
    ret
    .seh_endproc

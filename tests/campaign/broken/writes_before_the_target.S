// SPDX-License-Identifier: MIT
// Keeps the length in front of the target, as an allocator's header would be.
// sweep: length=1-4
// expect: wrong-data: byte -8, before the first one, was written: it is 0x01

    .intel_syntax noprefix
    .text
    .globl  WritesBeforeTheTarget
    .seh_proc WritesBeforeTheTarget
WritesBeforeTheTarget:
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
    mov     [rcx - 8], r8
    ret
    .seh_endproc

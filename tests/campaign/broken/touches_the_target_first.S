// SPDX-License-Identifier: MIT
// Writes to the target to see whether it can be written, before the source is read.
// sweep: length=4 fault=none@src+0 fault=none@dst+0
// expect: bugcheck: bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA: byte 0 of the target was written at

    .intel_syntax noprefix
    .text
    .globl  TouchesTheTargetFirst
    .seh_proc TouchesTheTargetFirst
TouchesTheTargetFirst:
    .seh_endprologue
    test    r8, r8
    jz      .Ldone
    or      byte ptr [rcx], 0
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
.Ldone:
    ret
    .seh_endproc

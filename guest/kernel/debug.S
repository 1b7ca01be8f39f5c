// SPDX-License-Identifier: MIT
// Breakpoints, and the assertion that ends in one. The exception's address is that of the int3 here.

    .intel_syntax noprefix

    .section .rdata, "dr"
.Lassertion_failed:
    .asciz  "*** Assertion failed: %s%s\n***   Source File: %s, line %i\n"
.Lno_message:
    .byte   0

    .text

    .globl  DbgBreakPoint
    .balign 16, 0xCC
DbgBreakPoint:
    int3
    ret

// ecx = a status for the debugger.
    .globl  DbgBreakPointWithStatus
    .balign 16, 0xCC
DbgBreakPointWithStatus:
    int3
    ret

// rcx = assertion, rdx = file, r8d = line, r9 = message or null.
    .globl  RtlAssert
    .balign 16, 0xCC
    .seh_proc RtlAssert
RtlAssert:
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    .seh_endprologue
    mov     [rsp + 0x20], r8
    mov     r8, rcx
    mov     r10, rdx
    lea     rdx, [rip + .Lno_message]
    test    r9, r9
    cmovnz  rdx, r9
    mov     r9, r10
    lea     rcx, [rip + .Lassertion_failed]
    call    DbgPrint
    call    DbgBreakPoint
    add     rsp, 0x38
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Raises the access violation that the page fault would have been: the range check fails before the first access.

#include "umaccess.inc"

    .intel_syntax noprefix
    .text

    .set RECORD, 0x20           // EXCEPTION_RECORD, behind the home space
    .set FRAME, 0xC8            // home space and 98h bytes of record, then 8 to align: 8 + C8h = D0h

// ecx = operation (0 read, 1 write), rdx = the first byte that is not a user address.
// Returns where a filter answers EXCEPTION_CONTINUE_EXECUTION.
    .globl  UmaRaiseAccessViolation
    .seh_proc UmaRaiseAccessViolation
UmaRaiseAccessViolation:
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    .seh_endprologue
    mov     eax, ecx
    mov     [rsp + RECORD + 0x20], rax      // Information[0]
    mov     [rsp + RECORD + 0x28], rdx      // Information[1]
    mov     dword ptr [rsp + RECORD], STATUS_ACCESS_VIOLATION
    mov     dword ptr [rsp + RECORD + 0x04], 0
    mov     qword ptr [rsp + RECORD + 0x08], 0
    mov     dword ptr [rsp + RECORD + 0x18], 2
    lea     rcx, [rsp + RECORD]
    call    [rip + __imp_RtlRaiseException]
    nop
    add     rsp, FRAME
    ret
    .seh_endproc

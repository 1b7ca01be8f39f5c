// SPDX-License-Identifier: MIT
// Where a stack cookie is not what it was: FAST_FAIL_STACK_COOKIE_CHECK_FAILURE, which does not come back.

    .intel_syntax noprefix
    .text

    .globl  KiReportGsFailure
    .seh_proc KiReportGsFailure
KiReportGsFailure:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     ecx, 2
    int     0x29
    int3
    .seh_endproc

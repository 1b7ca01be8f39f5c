// SPDX-License-Identifier: MIT
// Copies backwards by string instructions and does not clear DF again.
// sweep: length=0-4
// expect: state-leak: DF is still set

    .intel_syntax noprefix
    .text
    .globl  LeavesDfSet
    .seh_proc LeavesDfSet
LeavesDfSet:
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    .seh_endprologue
    lea     rdi, [rcx + r8 - 1]
    lea     rsi, [rdx + r8 - 1]
    mov     rcx, r8
    std
    stac
    rep movsb
    clac
    pop     rdi
    pop     rsi
    ret
    .seh_endproc

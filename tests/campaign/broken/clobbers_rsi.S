// SPDX-License-Identifier: MIT
// Uses rep movsb as if rsi were the caller's to lose: System V, and not Windows.
// sweep: length=0-4
// expect: state-leak: rsi is

    .intel_syntax noprefix
    .text
    .globl  ClobbersRsi
    .seh_proc ClobbersRsi
ClobbersRsi:
    push    rdi
    .seh_pushreg rdi
    .seh_endprologue
    cld
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rcx, r8
    stac
    rep movsb
    clac
    pop     rdi
    ret
    .seh_endproc

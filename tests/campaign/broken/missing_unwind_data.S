// SPDX-License-Identifier: MIT
// Saves registers and has no unwind data: taken for a leaf, it never gets them back after a fault.
// sweep: length=4 fault=none@every-byte
// expect: state-leak: rsi is

    .intel_syntax noprefix
    .text
    .globl  MissingUnwindData
MissingUnwindData:
    push    rsi
    push    rdi
    cld
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rcx, r8
    stac
    rep movsb
    clac
    pop     rdi
    pop     rsi
    ret

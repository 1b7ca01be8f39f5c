// SPDX-License-Identifier: MIT
// void copy_rep(void *target, const volatile void *source, size_t length);       rcx, rdx, r8
//
// The processor's own copy: wide steps where it has ERMS, and still exact where it faults. It wants rsi and rdi, which
// a call must keep, so both are in the unwind data: an exception gets the caller's back from there. And it goes by DF.

#include "user_window.inc"

    .intel_syntax noprefix
    .text
    .globl  copy_rep
    .seh_proc copy_rep
copy_rep:
    push    rdi
    .seh_pushreg rdi
    push    rsi
    .seh_pushreg rsi
    pushfq
    .seh_stackalloc 8
    .seh_endprologue
    open_window
    cld
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rcx, r8
    rep movsb
    close_window
    add     rsp, 8
    pop     rsi
    pop     rdi
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// void copy_bytes(void *target, const volatile void *source, size_t length);     rcx, rdx, r8
//
// One byte a step. It has no case for any length or alignment, fetches each byte once, and a fault in it is exact:
// every byte before the one that faults has landed.

#include "user_window.inc"

    .intel_syntax noprefix
    .text
    .globl  copy_bytes
    .seh_proc copy_bytes
copy_bytes:
    pushfq
    .seh_stackalloc 8
    .seh_endprologue
    open_window
    xor     r9d, r9d
    cmp     r9, r8
    je      .Ldone
.Lstep:
    mov     al, [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    cmp     r9, r8
    jne     .Lstep
.Ldone:
    close_window
    add     rsp, 8
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// void copy_backwards(void *target, const volatile void *source, size_t length); rcx, rdx, r8
//
// From the last byte to the first, eight bytes a step: what a memmove does where the target begins inside the source.
// At a fault it is the end that has landed. The project's own judge of copies from user memory asks for ascending order,
// so this one has a judge of its own, descending_order.py.

#include "user_window.inc"

    .intel_syntax noprefix
    .text
    .globl  copy_backwards
    .seh_proc copy_backwards
copy_backwards:
    pushfq
    .seh_stackalloc 8
    .seh_endprologue
    open_window
    jmp     .Leight
.Leight_step:
    mov     rax, [rdx + r8]
    mov     [rcx + r8], rax
.Leight:
    sub     r8, 8
    jae     .Leight_step
    add     r8, 8
    jz      .Ldone
.Lbyte_step:
    mov     al, [rdx + r8 - 1]
    mov     [rcx + r8 - 1], al
    dec     r8
    jnz     .Lbyte_step
.Ldone:
    close_window
    add     rsp, 8
    ret
    .seh_endproc

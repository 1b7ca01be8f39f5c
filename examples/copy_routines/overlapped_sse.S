// SPDX-License-Identifier: MIT
// void copy_sse(void *target, const volatile void *source, size_t length);       rcx, rdx, r8
//
// Sixteen bytes a step to an aligned target; an unaligned head and tail overlap the steps between them. A short copy is
// two loads that overlap. What lies in an overlap is fetched twice: where that must not be, take another routine.

#include "user_window.inc"

    .intel_syntax noprefix
    .text

// A copy of `bytes` to twice as many; nothing is stored before both loads are through.
    .macro TWO bytes, size, first, second
    cmp     r8, \bytes
    jb      .Lbelow_\bytes
    mov     \first, \size ptr [rdx]
    mov     \second, \size ptr [rdx + r8 - \bytes]
    mov     \size ptr [rcx], \first
    mov     \size ptr [rcx + r8 - \bytes], \second
    jmp     .Ldone
.Lbelow_\bytes:
    .endm

    .globl  copy_sse
    .seh_proc copy_sse
copy_sse:
    pushfq
    .seh_stackalloc 8
    .seh_endprologue
    open_window
    cmp     r8, 16
    jb      .Lshort
    movdqu  xmm0, [rdx]             // the head
    movdqu  [rcx], xmm0
    lea     r9, [rcx + 16]
    and     r9, -16
    sub     r9, rcx                 // bytes up to the next aligned one of the target: 1 to 16
.Lstep:
    lea     rax, [r9 + 16]
    cmp     rax, r8
    ja      .Ltail
    movdqu  xmm0, [rdx + r9]
    movdqa  [rcx + r9], xmm0
    mov     r9, rax
    jmp     .Lstep
.Ltail:
    movdqu  xmm0, [rdx + r8 - 16]
    movdqu  [rcx + r8 - 16], xmm0
.Ldone:
    close_window
    add     rsp, 8
    ret
.Lshort:
    TWO     8, qword, rax, r9
    TWO     4, dword, eax, r9d
    TWO     2, word, ax, r9w
    test    r8, r8
    jz      .Ldone
    mov     al, [rdx]
    mov     [rcx], al
    jmp     .Ldone
    .seh_endproc

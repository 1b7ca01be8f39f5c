// SPDX-License-Identifier: MIT
// What the DDK's headers take for compiler intrinsics and the compiler wheel's clang calls as functions: the IRQL
// lies in CR8. Windows exports neither; a driver built by Microsoft's compiler has the instruction itself.

    .intel_syntax noprefix
    .text

    .globl  __readcr8
    .balign 16, 0xCC
__readcr8:
    mov     rax, cr8
    ret

    .globl  __writecr8
    .balign 16, 0xCC
__writecr8:
    mov     cr8, rcx
    ret

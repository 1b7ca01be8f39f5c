// SPDX-License-Identifier: MIT
// What the guard pointers of an image that was built with control flow guard lead to: nothing is checked. Both keep
// every register, as the compiler expects.

    .intel_syntax noprefix
    .text

// rcx = the target of the indirect call that follows.
    .globl  KiGuardCheckCall
    .balign 16, 0xCC
KiGuardCheckCall:
    ret

// rax = the target.
    .globl  KiGuardDispatchCall
    .balign 16, 0xCC
KiGuardDispatchCall:
    jmp     rax

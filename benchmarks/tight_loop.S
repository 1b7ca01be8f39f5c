// SPDX-License-Identifier: MIT
// The loop in which counting blocks costs most: two instructions a block. ecx = iterations.

    .intel_syntax noprefix
    .text
    .globl  tight_loop
tight_loop:
    dec     ecx
    jnz     tight_loop
    ret

// SPDX-License-Identifier: MIT
// void byte_loop(void *destination, const void *source, size_t length);

    .intel_syntax noprefix
    .text
    .globl  byte_loop
byte_loop:
    movzx   eax, byte ptr [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jnz     byte_loop
    ret

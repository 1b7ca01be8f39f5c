// SPDX-License-Identifier: MIT
// sum_of(count, ...): the sum of its other arguments, each times its index, from registers and the stack.

    .intel_syntax noprefix
    .text
    .globl  sum_of
sum_of:
    mov     [rsp + 0x10], rdx
    mov     [rsp + 0x18], r8
    mov     [rsp + 0x20], r9
    xor     eax, eax
    mov     r10, 1
1:  cmp     r10, rcx
    ja      2f
    mov     r11, [rsp + r10 * 8 + 8]
    imul    r11, r10
    add     rax, r11
    inc     r10
    jmp     1b
2:  ret

// What a call finds in the registers that it was not given: stored at rcx, rax to r15, then RFLAGS and MXCSR.
    .globl  store_registers
store_registers:
    mov     [rcx + 0x00], rax
    mov     [rcx + 0x10], rdx
    mov     [rcx + 0x18], rbx
    mov     [rcx + 0x20], rsp
    mov     [rcx + 0x28], rbp
    mov     [rcx + 0x30], rsi
    mov     [rcx + 0x38], rdi
    mov     [rcx + 0x40], r8
    mov     [rcx + 0x48], r9
    mov     [rcx + 0x50], r10
    mov     [rcx + 0x58], r11
    mov     [rcx + 0x60], r12
    mov     [rcx + 0x68], r13
    mov     [rcx + 0x70], r14
    mov     [rcx + 0x78], r15
    pushfq
    pop     rax
    mov     [rcx + 0x80], rax
    stmxcsr [rcx + 0x88]
    movups  [rcx + 0x90], xmm0
    movups  [rcx + 0xA0], xmm15
    ret

// Leaves everything different from how it was.
    .globl  spoil
spoil:
    mov     rax, 0x1122334455667788
    .irp name, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    mov     \name, rax
    .endr
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pcmpeqd xmm\number, xmm\number
    .endr
    push    0x7F80
    ldmxcsr [rsp]
    pop     rax
    mov     eax, 3
    mov     cr8, rax
    std
    ret

// round(rcx -> double): by the rounding mode of the moment.
    .globl  round
round:
    cvtsd2si rax, [rcx]
    ret

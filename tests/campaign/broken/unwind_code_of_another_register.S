// SPDX-License-Identifier: MIT
// Saves rdi, and its unwind code says rsi.
// sweep: length=4 fault=none@every-byte
// expect: state-leak: rsi is

    .intel_syntax noprefix
    .text
    .globl  UnwindCodeOfAnotherRegister
    .seh_proc UnwindCodeOfAnotherRegister
UnwindCodeOfAnotherRegister:
    push    rdi
    .seh_pushreg rsi
    .seh_endprologue
    mov     rdi, rcx
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     [rdi + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    pop     rdi
    ret
    .seh_endproc

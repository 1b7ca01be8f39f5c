// SPDX-License-Identifier: MIT
// Copies at APC_LEVEL, and does not go back.
// sweep: length=0-4
// expect: state-leak: IRQL is 1, was 0

    .intel_syntax noprefix
    .text
    .globl  LeavesTheIrqlRaised
    .seh_proc LeavesTheIrqlRaised
LeavesTheIrqlRaised:
    .seh_endprologue
    mov     eax, 1
    mov     cr8, rax
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

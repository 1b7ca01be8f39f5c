// SPDX-License-Identifier: MIT
// Copies at APC_LEVEL, and goes back only where nothing faults.
// sweep: length=4 fault=none@every-byte
// expect: state-leak: IRQL is 1, was 0

    .intel_syntax noprefix
    .text
    .globl  LeavesTheIrqlRaisedByAFault
    .seh_proc LeavesTheIrqlRaisedByAFault
LeavesTheIrqlRaisedByAFault:
    .seh_endprologue
    mov     r10, cr8
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
    mov     cr8, r10
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Keeps a count in its own data, which the contract knows nothing of.
// sweep: length=0-4
// expect: state-leak: it wrote to memory that is not the target's

    .intel_syntax noprefix
    .data
    .balign 4
CountsItsCallsCount:
    .long   0
    .text
    .globl  CountsItsCalls
    .seh_proc CountsItsCalls
CountsItsCalls:
    .seh_endprologue
    inc     dword ptr [rip + CountsItsCallsCount]
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

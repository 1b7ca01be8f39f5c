// SPDX-License-Identifier: MIT
// Turns interrupts off while the window is open, and leaves them so.
// sweep: length=0-4
// expect: state-leak: IF is clear, was set

    .intel_syntax noprefix
    .text
    .globl  LeavesInterruptsOff
    .seh_proc LeavesInterruptsOff
LeavesInterruptsOff:
    .seh_endprologue
    cli
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

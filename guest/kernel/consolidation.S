// SPDX-License-Identifier: MIT
// The frame on which an unwind of STATUS_UNWIND_CONSOLIDATE runs its callback. The host writes it: the registers of the
// frame that the unwind has reached, and a machine frame that leads there. So a search or an unwind from within the
// callback passes over everything that was unwound already, though it still lies on the stack above.

    .intel_syntax noprefix
    .text

    .set HOME, 0x20
    .set SAVED_XMM, HOME
    .set SAVED, SAVED_XMM + 10 * 16
    .set FRAME, SAVED + 8 * 8

    .macro SAVE register, slot
    mov     [rsp + SAVED + 8 * \slot], \register
    .seh_savereg \register, SAVED + 8 * \slot
    .endm

    .macro SAVE_XMM register, slot
    movaps  [rsp + SAVED_XMM + 16 * \slot], \register
    .seh_savexmm \register, SAVED_XMM + 16 * \slot
    .endm

    .globl  KiConsolidateFrames
    .globl  KiConsolidateFramesReturn
    .seh_proc KiConsolidateFrames
KiConsolidateFrames:
    .seh_pushframe
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    SAVE_XMM xmm6, 0
    SAVE_XMM xmm7, 1
    SAVE_XMM xmm8, 2
    SAVE_XMM xmm9, 3
    SAVE_XMM xmm10, 4
    SAVE_XMM xmm11, 5
    SAVE_XMM xmm12, 6
    SAVE_XMM xmm13, 7
    SAVE_XMM xmm14, 8
    SAVE_XMM xmm15, 9
    SAVE    rbx, 0
    SAVE    rbp, 1
    SAVE    rsi, 2
    SAVE    rdi, 3
    SAVE    r12, 4
    SAVE    r13, 5
    SAVE    r14, 6
    SAVE    r15, 7
    .seh_endprologue
    nop
KiConsolidateFramesReturn:
    hlt
    int3
    .seh_endproc

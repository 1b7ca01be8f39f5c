// SPDX-License-Identifier: MIT
// Saves xmm6 at 10h, and its unwind code says 0.
// sweep: length=4 fault=none@every-byte
// expect: state-leak: xmm6 is

    .intel_syntax noprefix
    .text
    .globl  UnwindCodeOfAnotherSlot
    .seh_proc UnwindCodeOfAnotherSlot
UnwindCodeOfAnotherSlot:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    movups  [rsp + 0x10], xmm6
    .seh_savexmm xmm6, 0
    .seh_endprologue
    pxor    xmm6, xmm6
    movdqu  [rsp], xmm6
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
    movdqu  xmm6, [rsp + 0x10]
    add     rsp, 0x28
    ret
    .seh_endproc

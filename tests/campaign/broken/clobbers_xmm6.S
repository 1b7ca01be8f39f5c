// SPDX-License-Identifier: MIT
// Takes xmm6 for one of the registers that a call may lose.
// sweep: length=0-16
// expect: state-leak: xmm6 is

    .intel_syntax noprefix
    .text
    .globl  ClobbersXmm6
    .seh_proc ClobbersXmm6
ClobbersXmm6:
    .seh_endprologue
    stac
.Lvector:
    cmp     r8, 16
    jb      .Lbytes
    movdqu  xmm6, [rdx]
    movdqu  [rcx], xmm6
    add     rdx, 16
    add     rcx, 16
    sub     r8, 16
    jmp     .Lvector
.Lbytes:
    test    r8, r8
    jz      .Lend
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jmp     .Lbytes
.Lend:
    clac
    ret
    .seh_endproc

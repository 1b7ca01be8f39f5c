// SPDX-License-Identifier: MIT
// Copies eight bytes at a time, and one byte too few of what is left.
// sweep: length=0-20
// expect: wrong-data: byte 0 of 1 never landed

    .intel_syntax noprefix
    .text
    .globl  OffByOneInTail
    .seh_proc OffByOneInTail
OffByOneInTail:
    .seh_endprologue
    stac
    mov     r9, r8
    shr     r9, 3
    jz      .Ltail
.Leight:
    mov     rax, [rdx]
    mov     [rcx], rax
    add     rdx, 8
    add     rcx, 8
    dec     r9
    jnz     .Leight
.Ltail:
    and     r8d, 7
    jz      .Lend
    dec     r8d
    jz      .Lend
.Lbyte:
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8d
    jnz     .Lbyte
.Lend:
    clac
    ret
    .seh_endproc

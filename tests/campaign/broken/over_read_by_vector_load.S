// SPDX-License-Identifier: MIT
// Loads the last bytes with a whole vector, which reaches over the end of the source.
// sweep: length=0-20 source=end
// expect: wrong-status: byte 1, behind the last one, was read at

    .intel_syntax noprefix
    .text
    .globl  OverReadByVectorLoad
    .seh_proc OverReadByVectorLoad
OverReadByVectorLoad:
    .seh_endprologue
    stac
.Lvector:
    test    r8, r8
    jz      .Lend
    movdqu  xmm0, [rdx]
    cmp     r8, 16
    jb      .Ltail
    movdqu  [rcx], xmm0
    add     rdx, 16
    add     rcx, 16
    sub     r8, 16
    jmp     .Lvector
.Ltail:
    movq    rax, xmm0
    test    r8, 8
    jz      .Lbyte
    mov     [rcx], rax
    add     rcx, 8
    psrldq  xmm0, 8
    movq    rax, xmm0
    and     r8, 7
    jz      .Lend
.Lbyte:
    mov     [rcx], al
    shr     rax, 8
    inc     rcx
    dec     r8
    jnz     .Lbyte
.Lend:
    clac
    ret
    .seh_endproc

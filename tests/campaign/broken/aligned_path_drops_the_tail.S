// SPDX-License-Identifier: MIT
// Has a way of its own for two buffers of one alignment, and forgets the tail there.
// sweep: length=17 source=0-15 target=0-15
// expect: wrong-data: byte 16 of 17 never landed

    .intel_syntax noprefix
    .text
    .globl  AlignedPathDropsTheTail
    .seh_proc AlignedPathDropsTheTail
AlignedPathDropsTheTail:
    .seh_endprologue
    stac
    mov     eax, ecx
    xor     eax, edx
    test    al, 15
    jnz     .Lbytes
    test    dl, 15
    jz      .Lbytes
.Lvectors:
    sub     r8, 16
    jb      .Lend
    movdqu  xmm0, [rdx]
    movdqu  [rcx], xmm0
    add     rdx, 16
    add     rcx, 16
    jmp     .Lvectors
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

// SPDX-License-Identifier: MIT
// Asks for the end behind the first byte, and so never ends where the length is 0.
// sweep: length=0-4
// expect: wrong-status: byte 4096, behind the last one, was read at

    .intel_syntax noprefix
    .text
    .globl  CopiesBeforeItAsks
    .seh_proc CopiesBeforeItAsks
CopiesBeforeItAsks:
    .seh_endprologue
    stac
.Lnext:
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jnz     .Lnext
    clac
    ret
    .seh_endproc

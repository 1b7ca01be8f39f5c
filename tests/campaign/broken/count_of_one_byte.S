// SPDX-License-Identifier: MIT
// Takes the count of rep movsb from the lowest byte of the length: none at multiples of 256.
// sweep: length=255-257
// expect: wrong-data: bytes 0 to 255 of 256 never landed

    .intel_syntax noprefix
    .text
    .globl  CountOfOneByte
    .seh_proc CountOfOneByte
CountOfOneByte:
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    .seh_endprologue
    cld
    mov     rdi, rcx
    mov     rsi, rdx
    movzx   ecx, r8b
    stac
    rep movsb
    clac
    pop     rdi
    pop     rsi
    ret
    .seh_endproc

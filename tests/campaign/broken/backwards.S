// SPDX-License-Identifier: MIT
// Copies from the last byte to the first, so that after a fault the end has landed, and not the begin.
// sweep: length=4 fault=none@every-byte
// expect: wrong-status: it raised STATUS_ACCESS_VIOLATION (0xC0000005) of the read of byte 3 at
// sweep: length=4 fault=none@every-byte,access=1
// expect: wrong-data: byte 0 of 4 never landed, but byte 1 did

    .intel_syntax noprefix
    .text
    .globl  Backwards
    .seh_proc Backwards
Backwards:
    .seh_endprologue
    stac
.Lnext:
    test    r8, r8
    jz      .Lend
    dec     r8
    mov     al, [rdx + r8]
    mov     [rcx + r8], al
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

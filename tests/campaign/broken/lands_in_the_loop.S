// SPDX-License-Identifier: MIT
// Handles the exception of a bad byte and goes on with the next one.
// sweep: length=4 fault=none@every-byte
// expect: wrong-status: it returned, and swallowed STATUS_ACCESS_VIOLATION (0xC0000005) of the read of byte 0 at

    .intel_syntax noprefix
    .text
    .globl  LandsInTheLoop
    .seh_proc LandsInTheLoop
    .seh_handler __C_specific_handler, @unwind, @except
LandsInTheLoop:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    stac
.Lbegin:
    movzx   eax, byte ptr [rdx + r9]
.Lbehind:
    mov     [rcx + r9], al
.Lskip:
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL
    .long   .Lbehind@IMGREL
    .long   1
    .long   .Lskip@IMGREL
    .text
    .seh_endproc

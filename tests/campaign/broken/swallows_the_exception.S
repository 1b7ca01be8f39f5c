// SPDX-License-Identifier: MIT
// Handles the exception of a bad source itself, and returns as if all were well.
// sweep: length=4 fault=none@every-byte
// expect: wrong-status: it returned, and swallowed STATUS_ACCESS_VIOLATION (0xC0000005) of the read of byte 0 at

    .intel_syntax noprefix
    .text
    .globl  SwallowsTheException
    .seh_proc SwallowsTheException
    .seh_handler __C_specific_handler, @unwind, @except
SwallowsTheException:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lbegin:
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
.Lbehind:
    nop
.Lcaught:
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL
    .long   .Lbehind@IMGREL
    .long   1
    .long   .Lcaught@IMGREL
    .text
    .seh_endproc

// SPDX-License-Identifier: MIT
// A scope that ends before it begins.

#include "unwind.inc"

    .globl  scope_reversed
    .seh_proc scope_reversed
    .seh_handler __C_specific_handler, @unwind, @except
scope_reversed:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Ltry:
    xor     eax, eax
    nop
.Ltry_end:
    add     rsp, 0x28
    ret
.Lexcept:
    xor     eax, eax
    jmp     .Ltry_end
    .seh_handlerdata
    .long   1
    .long   .Ltry_end@IMGREL, .Ltry@IMGREL, 1, .Lexcept@IMGREL
    .text
    .seh_endproc

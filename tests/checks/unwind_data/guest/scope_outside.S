// SPDX-License-Identifier: MIT
// A scope that ends in another function.

#include "unwind.inc"

    .globl  scope_outside
    .seh_proc scope_outside
    .seh_handler __C_specific_handler, @unwind, @except
scope_outside:
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
    .long   .Ltry@IMGREL, .Lnext_end@IMGREL, 1, .Lexcept@IMGREL
    .text
    .seh_endproc

    .globl  next
    .seh_proc next
next:
    .seh_endprologue
    ret
.Lnext_end:
    .seh_endproc

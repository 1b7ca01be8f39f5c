// SPDX-License-Identifier: MIT
// A scope whose __except block is in another function.

#include "unwind.inc"

    .globl  scope_target_outside
    .seh_proc scope_target_outside
    .seh_handler __C_specific_handler, @unwind, @except
scope_target_outside:
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
    .long   .Ltry@IMGREL, .Ltry_end@IMGREL, 1, next@IMGREL
    .text
    .seh_endproc

    .globl  next
    .seh_proc next
next:
    .seh_endprologue
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A __finally block that is data.

#include "unwind.inc"

    .globl  scope_finally_is_data
    .seh_proc scope_finally_is_data
    .seh_handler __C_specific_handler, @unwind, @except
scope_finally_is_data:
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
    .long   .Ltry@IMGREL, .Ltry_end@IMGREL, not_code@IMGREL, 0
    .text
    .seh_endproc

    .section .rdata, "dr"
not_code:
    .quad   0

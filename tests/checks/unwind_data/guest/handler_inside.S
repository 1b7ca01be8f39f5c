// SPDX-License-Identifier: MIT
// A language handler that is in the middle of a function.

#include "unwind.inc"

    .globl  handler_inside
    .seh_proc handler_inside
    .seh_handler .Lexcept, @unwind, @except
handler_inside:
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
    .seh_endproc

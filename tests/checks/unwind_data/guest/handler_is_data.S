// SPDX-License-Identifier: MIT
// A language handler that is data.

#include "unwind.inc"

    .globl  handler_is_data
    .seh_proc handler_is_data
    .seh_handler not_code, @unwind, @except
handler_is_data:
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

    .section .rdata, "dr"
not_code:
    .quad   0

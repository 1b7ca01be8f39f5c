// SPDX-License-Identifier: MIT
// A scope that begins in a prologue, where no handler is asked.

#include "unwind.inc"

    .globl  scope_in_prologue
scope_in_prologue:
    sub     rsp, 0x28
.Ltry:
    xor     eax, eax
.Lprologue_end:
    nop
.Ltry_end:
    add     rsp, 0x28
    ret
.Lexcept:
    xor     eax, eax
    jmp     .Ltry_end
.Lend:

    ENTRY   scope_in_prologue, .Lend, .Linfo
    INFO    .Linfo, flags=1, prologue=6, codes=1
    CODE    4, ALLOC_SMALL, 4
    .short  0
    .long   __C_specific_handler@IMGREL
    .long   1
    .long   .Ltry@IMGREL, .Ltry_end@IMGREL, 1, .Lexcept@IMGREL
    END_INFO

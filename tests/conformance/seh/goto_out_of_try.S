// SPDX-License-Identifier: MIT
// A local unwind from the body of a __try, two deep, to a label outside of both: each __finally runs once. The record
// that their unwind has is one of STATUS_UNWIND, which a language handler further in gets to see.
#include "program.inc"

    FUNCTION goto_out_of_try, __C_specific_handler
    ENTER   0x28
.Louter_begin:
.Linner_begin:
    mov     rcx, rsp
    call    jump_from_below
    nop
.Linner_end:
    int3
.Louter_end:
    int3
.Loutside:
    NOTE    "outside"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    FINALLY .Linner_begin, .Linner_end, inner
    FINALLY .Louter_begin, .Louter_end, outer
    END

    FUNCTION jump_from_below, passing
    ENTER   0x28
    lea     rdx, [rip + .Loutside]
    call    _local_unwind
    int3
    END

    FINALLY_BLOCK inner
    FINALLY_BLOCK outer
    PASSING_HANDLER passing

/* expect
handler passing C0000027, flags 02
finally inner, abnormal 1
finally outer, abnormal 1
outside
returned 1
*/

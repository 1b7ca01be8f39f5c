// SPDX-License-Identifier: MIT
// The inner of three __finally blocks raises while an unwind runs it: the search for the new exception goes on behind
// that block's scope, where the old unwind stood, and the other blocks run once, for the new one.
#include "program.inc"

    FUNCTION finally_raises_in_finallys, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    protected
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT  .Lbegin, .Lend, of_caller, .Lexcept
    END

    FUNCTION protected, __C_specific_handler
    ENTER   0x28
.Lprotected_begin:
    RAISE   0xE0000001
    nop
.Lprotected_end:
    int3
.Lnot_reached:
    int3
    SCOPES
    EXCEPT  .Lprotected_begin, .Lprotected_end, before, .Lnot_reached
    FINALLY .Lprotected_begin, .Lprotected_end, raises
    EXCEPT  .Lprotected_begin, .Lprotected_end, behind, .Lnot_reached
    FINALLY .Lprotected_begin, .Lprotected_end, middle
    FINALLY .Lprotected_begin, .Lprotected_end, outer
    END

    FUNCTION raises
    ENTER   0x28
    movzx   edx, cl
    NOTE    "finally raises, abnormal %d", edx
    RAISE   0xE0000002
    int3
    END

    FINALLY_BLOCK middle
    FINALLY_BLOCK outer
    FILTER  before, 0
    FILTER  behind, 0
    FILTER  of_caller, 1

/* expect
filter before E0000001 answers 0
filter behind E0000001 answers 0
filter of_caller E0000001 answers 1
finally raises, abnormal 1
filter behind E0000002 answers 0
filter of_caller E0000002 answers 1
finally middle, abnormal 1
finally outer, abnormal 1
except
returned 1
*/

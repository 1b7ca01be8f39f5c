// SPDX-License-Identifier: MIT
// A frame that is no multiple of 8 is a bad stack: the search ends there, before any handler is asked.
#include "program.inc"

    FUNCTION frame_misaligned, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    inner
    nop
.Lend:
    int3
    SCOPES
    EXCEPT  .Lbegin, .Lend, not_asked, .Lend
    END

    FUNCTION inner, passing
    ENTER   0x28
    NOTE    "inner"
    sub     rsp, 4
    mov     byte ptr [0x10], 0
    int3
    END

    PASSING_HANDLER passing
    FILTER  not_asked, 1

/* expect kernel: nothing is left of a user process whose exception has no handler
inner
bugchecked 1E C0000005
*/

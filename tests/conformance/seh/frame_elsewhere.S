// SPDX-License-Identifier: MIT
// A frame register that points away from the stack makes a frame that cannot be: the search ends there, whatever
// handlers the function and its callers have.
#include "program.inc"

    .data
    .balign 16
elsewhere:
    .zero   0x100

    FUNCTION frame_elsewhere, __C_specific_handler
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
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    NOTE    "inner"
    lea     rbp, [rip + elsewhere + 0x20]
    mov     byte ptr [0x10], 0
    int3
    END

    PASSING_HANDLER passing
    FILTER  not_asked, 1

/* expect kernel: nothing is left of a user process whose exception has no handler
inner
bugchecked 1E C0000005
*/

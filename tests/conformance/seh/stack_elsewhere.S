// SPDX-License-Identifier: MIT
// An exception while RSP is not on the thread's stack: no frame can be trusted, no handler is asked.
#include "program.inc"

    .data
    .balign 16
other_stack:
    .zero   0x4000
other_stack_end:

    FUNCTION stack_elsewhere, passing
    push    rbp
    .seh_pushreg rbp
    mov     rbp, rsp
    .seh_setframe rbp, 0
    .seh_endprologue
    sub     rsp, 0x20
    NOTE    "away"
    lea     rsp, [rip + other_stack_end]
    mov     byte ptr [0x10], 0
    int3
    END

    PASSING_HANDLER passing

/* expect kernel: nothing is left of a user process whose exception has no handler
away
bugchecked 1E C0000005
*/

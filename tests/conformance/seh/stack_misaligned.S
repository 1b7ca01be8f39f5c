// SPDX-License-Identifier: MIT
// An exception while RSP is a multiple of 8, but not of 16: the frame is where it should be, and that is what counts.
#include "program.inc"

    FUNCTION stack_misaligned, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    by_8
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    END

    FUNCTION by_8
    ENTER   0x30
    mov     byte ptr [0x10], 0
    int3
    END

    FILTER  accepting, 1

/* expect
filter accepting C0000005 answers 1
except
returned 1
*/

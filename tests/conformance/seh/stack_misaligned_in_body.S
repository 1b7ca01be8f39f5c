// SPDX-License-Identifier: MIT
// An exception while RSP is a multiple of nothing, in the body of a function with a frame register: only frames have to
// be aligned, and this one is.
#include "program.inc"

    FUNCTION stack_misaligned_in_body, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    by_3
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

    FUNCTION by_3
    push    rbp
    .seh_pushreg rbp
    mov     rbp, rsp
    .seh_setframe rbp, 0
    .seh_endprologue
    sub     rsp, 0x33
    mov     byte ptr [0x10], 0
    int3
    END

    FILTER  accepting, 1

/* expect
filter accepting C0000005 answers 1
except
returned 1
*/

/* expect wine: its unwind takes the frame of its own dispatcher, misaligned in turn, for a bad stack
filter accepting C0000005 answers 1
except
*/

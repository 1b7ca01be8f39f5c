// SPDX-License-Identifier: MIT
// A function with a handler, but with no unwind code at all, has nothing to undo and so no epilogue: its handler is
// asked even where the `ret` itself stands.
#include "program.inc"
#include "stepping.inc"

    FUNCTION leaf_without_codes
    ENTER   0x20, rdi
    STEP    no_codes
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    FUNCTION no_codes, stepped
    .seh_endprologue
    mov     eax, 1
    ret
    END

/* expect
no_codes HH.
returned 0
*/

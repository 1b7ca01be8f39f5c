// SPDX-License-Identifier: MIT
// The filter of one frame raises, and the filter of a frame further out raises in turn when it is asked about that: the
// third search passes both, and is nested as far as the further one's frame, which it learnt of first.
#include "program.inc"

    FUNCTION filters_raise_in_turn, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    behind
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

    .macro  FILTERING_FRAME name, callee
    FUNCTION \name, __C_specific_handler
    ENTER   0x28
.L\name\()_begin:
    call    \callee
    nop
.L\name\()_end:
    LEAVE   0x28
    SCOPES
    EXCEPT  .L\name\()_begin, .L\name\()_end, filter_of_\name, .L\name\()_end
    END
    .endm

// A filter that raises `raised` when it is asked about `asked`, and else passes.
    .macro  RAISING_FILTER name, asked, raised
    FUNCTION \name
    ENTER   0x28
    mov     rax, [rcx]
    mov     eax, [rax + RECORD_CODE]
    cmp     eax, \asked
    jne     .L\name\()_pass
    NOTE    "\name asked about %08lX raises", eax
    RAISE   \raised
    int3
.L\name\()_pass:
    xor     eax, eax
    LEAVE   0x28
    END
    .endm

    CALLING_FRAME behind, further, of_behind
    FILTERING_FRAME further, between
    CALLING_FRAME between, nearer, of_between
    FILTERING_FRAME nearer, raising

    FUNCTION raising, of_raising
    ENTER   0x28
    RAISE   0xE0000001
    int3
    END

    RAISING_FILTER filter_of_nearer, 0xE0000001, 0xE0000002
    RAISING_FILTER filter_of_further, 0xE0000002, 0xE0000003
    PASSING_HANDLER of_raising
    PASSING_HANDLER of_between
    PASSING_HANDLER of_behind
    FILTER  accepting, 1

/* expect
handler of_raising E0000001, flags 00
filter_of_nearer asked about E0000001 raises
handler of_raising E0000002, flags 10
handler of_between E0000002, flags 00
filter_of_further asked about E0000002 raises
handler of_raising E0000003, flags 10
handler of_between E0000003, flags 10
handler of_behind E0000003, flags 00
filter accepting E0000003 answers 1
handler of_raising E0000003, flags 02
handler of_between E0000003, flags 02
handler of_behind E0000003, flags 02
except
returned 1
*/

/* expect wine: it takes the frame of the search passed last for the end of what is nested
handler of_raising E0000001, flags 00
filter_of_nearer asked about E0000001 raises
handler of_raising E0000002, flags 10
handler of_between E0000002, flags 00
filter_of_further asked about E0000002 raises
handler of_raising E0000003, flags 10
handler of_between E0000003, flags 00
handler of_behind E0000003, flags 00
filter accepting E0000003 answers 1
handler of_raising E0000003, flags 02
handler of_between E0000003, flags 02
handler of_behind E0000003, flags 02
except
returned 1
*/

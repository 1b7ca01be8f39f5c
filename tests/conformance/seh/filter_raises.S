// SPDX-License-Identifier: MIT
// A filter raises while a search runs it. The handlers that the first search had asked already, up to the filter's own
// frame, are asked for the second exception with EXCEPTION_NESTED_CALL; those behind it without.
#include "program.inc"

    FUNCTION filter_raises, __C_specific_handler
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

    CALLING_FRAME behind, filtering, of_behind

    FUNCTION filtering, __C_specific_handler
    ENTER   0x28
.Lfiltering_begin:
    call    inner
    nop
.Lfiltering_end:
    LEAVE   0x28
    SCOPES
    EXCEPT  .Lfiltering_begin, .Lfiltering_end, raising_filter, .Lfiltering_end
    END

    CALLING_FRAME inner, faulting, of_inner

    FUNCTION faulting
    ENTER   0x28
    mov     byte ptr [0x10], 0
    int3
    END

    FUNCTION raising_filter, of_filter
    ENTER   0x28
    mov     rax, [rcx]
    NOTE    "filter raising %08lX, flags %02lX", [rax+RECORD_CODE], [rax+RECORD_FLAGS]
    mov     rax, [rip + first]
    test    rax, rax
    mov     qword ptr [rip + first], 0
    mov     eax, 0
    jz      .Lpass
    RAISE   0xE0000002
    int3
.Lpass:
    LEAVE   0x28
    END

    .data
    .balign 8
first:
    .quad   1

    PASSING_HANDLER of_inner
    PASSING_HANDLER of_filter
    PASSING_HANDLER of_behind
    FILTER  accepting, 1

/* expect
handler of_inner C0000005, flags 00
filter raising C0000005, flags 00
handler of_filter E0000002, flags 00
handler of_inner E0000002, flags 10
filter raising E0000002, flags 10
handler of_behind E0000002, flags 00
filter accepting E0000002 answers 1
handler of_filter E0000002, flags 02
handler of_inner E0000002, flags 02
handler of_behind E0000002, flags 02
except
returned 1
*/

/* expect wine: it takes EXCEPTION_NESTED_CALL back before it asks the last frame, not behind it
handler of_inner C0000005, flags 00
filter raising C0000005, flags 00
handler of_filter E0000002, flags 00
handler of_inner E0000002, flags 10
filter raising E0000002, flags 00
handler of_behind E0000002, flags 00
filter accepting E0000002 answers 1
handler of_filter E0000002, flags 02
handler of_inner E0000002, flags 02
handler of_behind E0000002, flags 02
except
returned 1
*/

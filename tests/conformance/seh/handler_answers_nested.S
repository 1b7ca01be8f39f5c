// SPDX-License-Identifier: MIT
// A language handler answers ExceptionNestedException itself, and names a frame further out: the handlers up to that
// frame, its own included, see EXCEPTION_NESTED_CALL, those behind it do not.
#include "program.inc"

    .data
    .balign 8
named_frame:
    .quad   0

    FUNCTION handler_answers_nested, __C_specific_handler
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

    CALLING_FRAME behind, named, of_behind

    FUNCTION named, of_named
    ENTER   0x28
    mov     [rip + named_frame], rsp
    call    between
    nop
    LEAVE   0x28
    END

    CALLING_FRAME between, answers, of_between
    CALLING_FRAME answers, raising, answering

    FUNCTION raising
    ENTER   0x28
    RAISE   0xE0000001
    int3
    END

    FUNCTION answering
    ENTER   0x20, rbx
    mov     eax, CONTINUE_SEARCH
    test    dword ptr [rcx + RECORD_FLAGS], ANY_UNWIND
    jnz     .Lanswer
    mov     rbx, r9
    NOTE    "handler answering, flags %02lX", [rcx + RECORD_FLAGS]
    mov     rax, [rip + named_frame]
    mov     [rbx + DISPATCHER_ESTABLISHER_FRAME], rax
    mov     eax, 2
.Lanswer:
    LEAVE   0x20, rbx
    END

    PASSING_HANDLER of_between
    PASSING_HANDLER of_named
    PASSING_HANDLER of_behind
    FILTER  accepting, 1

/* expect
handler answering, flags 00
handler of_between E0000001, flags 10
handler of_named E0000001, flags 10
handler of_behind E0000001, flags 00
filter accepting E0000001 answers 1
handler of_between E0000001, flags 02
handler of_named E0000001, flags 02
handler of_behind E0000001, flags 02
except
returned 1
*/

/* expect wine: it looks for nested exceptions on its own list of handlers, not by their answer
handler answering, flags 00
handler of_between E0000001, flags 00
handler of_named E0000001, flags 00
handler of_behind E0000001, flags 00
filter accepting E0000001 answers 1
handler of_between E0000001, flags 02
handler of_named E0000001, flags 02
handler of_behind E0000001, flags 02
except
returned 1
*/

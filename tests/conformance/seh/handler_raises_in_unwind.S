// SPDX-License-Identifier: MIT
// A language handler raises in the unwind phase. Both walks of the new exception come back to the frame where the old
// unwind stood, and call its handler once more: the search as for any frame, the unwind with EXCEPTION_COLLIDED_UNWIND.
#include "program.inc"

    FUNCTION handler_raises_in_unwind, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    outer
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

    CALLING_FRAME outer, raises, of_outer
    CALLING_FRAME raises, inner, raising
    CALLING_FRAME inner, faulting, of_inner

    FUNCTION faulting
    ENTER   0x28
    mov     byte ptr [0x10], 0
    int3
    END

    FUNCTION raising
    ENTER   0x20, rbx
    xor     ebx, ebx
    cmp     dword ptr [rcx + RECORD_CODE], 0xC0000005
    jne     .Lsay
    mov     ebx, [rcx + RECORD_FLAGS]
    and     ebx, UNWINDING
.Lsay:
    NOTE    "handler raising %08lX, flags %02lX", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS]
    test    ebx, ebx
    jz      .Lpass
    RAISE   0xE0000002
    int3
.Lpass:
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x20, rbx
    END

    PASSING_HANDLER of_inner
    PASSING_HANDLER of_outer
    FILTER  accepting, 1

/* expect
handler of_inner C0000005, flags 00
handler raising C0000005, flags 00
handler of_outer C0000005, flags 00
filter accepting C0000005 answers 1
handler of_inner C0000005, flags 02
handler raising C0000005, flags 02
handler raising E0000002, flags 00
handler of_outer E0000002, flags 00
filter accepting E0000002 answers 1
handler raising E0000002, flags 42
handler of_outer E0000002, flags 02
except
returned 1
*/

// SPDX-License-Identifier: MIT
// `return` in a __finally that runs because of an exception: the exception is gone, and with it the unwind to the
// caller's __except that had already accepted it.
#include "program.inc"

    .set RESULT, 0x20

    FUNCTION return_out_of_finally_in_unwind, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    protected
    nop
.Lend:
    NOTE    "protected returned %d", eax
    xor     eax, eax
    LEAVE   0x28
.Lexcept:
    NOTE    "not reached: the accepting __except"
    int3
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    END

    FUNCTION protected, __C_specific_handler
    ENTER   0x38
.Louter_begin:
.Linner_begin:
    RAISE   0xE0000001
    nop
.Linner_end:
    int3
.Louter_end:
.Lreturn:
    mov     eax, [rsp + RESULT]
    LEAVE   0x38
    SCOPES
    FINALLY .Linner_begin, .Linner_end, inner
    FINALLY .Louter_begin, .Louter_end, outer
    END

    FUNCTION inner
    ENTER   0x20, rbx
    mov     rbx, rdx
    movzx   edx, cl
    NOTE    "finally inner, abnormal %d, returns", edx
    mov     dword ptr [rbx + RESULT], 5
    mov     rcx, rbx
    lea     rdx, [rip + .Lreturn]
    call    _local_unwind
    int3
    END

    FINALLY_BLOCK outer
    FILTER  accepting, 1

/* expect
filter accepting E0000001 answers 1
finally inner, abnormal 1, returns
finally outer, abnormal 1
protected returned 5
returned 0
*/

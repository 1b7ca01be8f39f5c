// SPDX-License-Identifier: MIT
// Three nested __finally blocks, each of which returns: every unwind collides with the one before it and goes on
// behind the scope where that one stood, so each block runs once and the last one's value counts.
#include "program.inc"

    .set RESULT, 0x20

    .macro RETURNING_FINALLY name, value
    FUNCTION \name
    ENTER   0x20, rbx
    mov     rbx, rdx
    movzx   edx, cl
    NOTE    "finally \name, abnormal %d, returns \value", edx
    mov     dword ptr [rbx + RESULT], \value
    mov     rcx, rbx
    lea     rdx, [rip + .Lreturn]
    call    _local_unwind
    int3
    END
    .endm

    FUNCTION return_from_nested_finallys, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    protected
    nop
.Lend:
    LEAVE   0x28
.Lexcept:
    NOTE    "not reached: the accepting __except"
    int3
    SCOPES
    EXCEPT_ALWAYS .Lbegin, .Lend, .Lexcept
    END

    FUNCTION protected, __C_specific_handler
    ENTER   0x38
.Lprotected_begin:
    RAISE   0xE0000001
    nop
.Lprotected_end:
    int3
.Lreturn:
    mov     eax, [rsp + RESULT]
    LEAVE   0x38
    SCOPES
    FINALLY .Lprotected_begin, .Lprotected_end, first
    FINALLY .Lprotected_begin, .Lprotected_end, second
    FINALLY .Lprotected_begin, .Lprotected_end, third
    END

    RETURNING_FINALLY first, 1
    RETURNING_FINALLY second, 2
    RETURNING_FINALLY third, 3

/* expect
finally first, abnormal 1, returns 1
finally second, abnormal 1, returns 2
finally third, abnormal 1, returns 3
returned 3
*/

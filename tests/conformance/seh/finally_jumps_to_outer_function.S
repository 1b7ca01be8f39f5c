// SPDX-License-Identifier: MIT
// A __finally jumps into its function's caller: what the first unwind had still to do in the function is done by the
// second one, and the frames between are unwound once.
#include "program.inc"

    .data
    .balign 8
target_frame:
    .quad   0

    FUNCTION finally_jumps_to_outer_function, __C_specific_handler
    ENTER   0x28
    mov     [rip + target_frame], rsp
.Lbegin:
    call    middle
    nop
.Lend:
    NOTE    "not reached: middle returned"
    int3
.Lexcept:
    NOTE    "not reached: the __except that accepted"
    int3
.Llanding:
    NOTE    "landing"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    FINALLY .Lbegin, .Lend, of_caller
    EXCEPT_ALWAYS .Lbegin, .Lend, .Lexcept
    END

    FUNCTION middle, __C_specific_handler
    ENTER   0x28
.Lmiddle_begin:
    call    protected
    nop
.Lmiddle_end:
    LEAVE   0x28
    SCOPES
    FINALLY .Lmiddle_begin, .Lmiddle_end, of_middle
    END

    FUNCTION protected, __C_specific_handler
    ENTER   0x28
.Lprotected_begin:
    mov     byte ptr [0x10], 0
.Lprotected_end:
    int3
    SCOPES
    FINALLY .Lprotected_begin, .Lprotected_end, first
    FINALLY .Lprotected_begin, .Lprotected_end, jumps
    FINALLY .Lprotected_begin, .Lprotected_end, last
    END

    FUNCTION jumps
    ENTER   0x28
    movzx   edx, cl
    NOTE    "finally jumps, abnormal %d", edx
    mov     rcx, [rip + target_frame]
    lea     rdx, [rip + .Llanding]
    call    _local_unwind
    int3
    END

    FINALLY_BLOCK first
    FINALLY_BLOCK last
    FINALLY_BLOCK of_middle
    FINALLY_BLOCK of_caller

/* expect
finally first, abnormal 1
finally jumps, abnormal 1
finally last, abnormal 1
finally of_middle, abnormal 1
finally of_caller, abnormal 1
landing
returned 1
*/

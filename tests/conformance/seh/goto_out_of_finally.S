// SPDX-License-Identifier: MIT
// `goto` from a __finally to a label inside the __try around it, as `continue` in a loop does: that __try is not left,
// so its __finally has to wait for its own end.
#include "program.inc"

    .set TURN, 0x20

    FUNCTION goto_out_of_finally, __C_specific_handler
    ENTER   0x38
    mov     dword ptr [rsp + TURN], 0
.Louter_begin:
.Lagain:
    inc     dword ptr [rsp + TURN]
    NOTE    "turn %d", [rsp + TURN]
    cmp     dword ptr [rsp + TURN], 3
    je      .Louter_end
.Linner_begin:
    mov     byte ptr [0x10], 0
.Linner_end:
    int3
.Louter_end:
    RUN_FINALLY outer
    mov     eax, [rsp + TURN]
    LEAVE   0x38
.Lexcept:
    NOTE    "not reached: the accepting __except"
    int3
    SCOPES
    FINALLY .Linner_begin, .Linner_end, inner
    EXCEPT  .Louter_begin, .Louter_end, accepting, .Lexcept
    FINALLY .Louter_begin, .Louter_end, outer
    END

    FUNCTION inner
    ENTER   0x20, rbx
    mov     rbx, rdx
    movzx   edx, cl
    NOTE    "finally inner, abnormal %d, continues", edx
    mov     rcx, rbx
    lea     rdx, [rip + .Lagain]
    call    _local_unwind
    int3
    END

    FINALLY_BLOCK outer
    FILTER  accepting, 1

/* expect
turn 1
filter accepting C0000005 answers 1
finally inner, abnormal 1, continues
turn 2
filter accepting C0000005 answers 1
finally inner, abnormal 1, continues
turn 3
finally outer, abnormal 0
returned 3
*/

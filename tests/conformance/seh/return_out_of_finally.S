// SPDX-License-Identifier: MIT
// `return` in a __finally that a normal end of its __try runs: the block is a function of its own, so the compiler
// leaves it by a local unwind to the end of its parent. The __finally around it runs on the way.
#include "program.inc"

    .set RESULT, 0x28

    FUNCTION return_out_of_finally, __C_specific_handler
    ENTER   0x38
.Louter_begin:
.Linner_begin:
    NOTE    "body"
.Linner_end:
    RUN_FINALLY inner
    NOTE    "not reached: behind the inner __try"
.Louter_end:
    RUN_FINALLY outer
    NOTE    "not reached: behind the outer __try"
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

/* expect
body
finally inner, abnormal 0, returns
finally outer, abnormal 1
returned 5
*/

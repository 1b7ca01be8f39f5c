// SPDX-License-Identifier: MIT
// A language handler at the target frame writes to the context that it is given in the unwind phase: those are the
// registers with which the target goes on. What a handler further in writes is for its own frame, and lost.
#include "program.inc"

    .data
    .balign 8
target_frame:
    .quad   0

    FUNCTION handler_changes_target_context, of_target
    ENTER   0x28, rbx, rsi
    mov     ebx, 1
    mov     esi, 2
    mov     [rip + target_frame], rsp
    call    inner
    nop
    int3
.Llanded:
    NOTE    "landed, rbx %X, rsi %X", ebx, esi
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    END

    FUNCTION inner, of_inner
    ENTER   0x28
    mov     rcx, [rip + target_frame]
    lea     rdx, [rip + .Llanded]
    call    _local_unwind
    int3
    END

    FUNCTION of_inner
    ENTER   0x28
    mov     qword ptr [r8 + CONTEXT_RSI], 0x99
    mov     rax, [r8 + CONTEXT_RSI]
    NOTE    "handler of_inner writes rsi %X", eax
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x28
    END

    FUNCTION of_target
    ENTER   0x28
    mov     eax, [r8 + CONTEXT_RSI]
    mov     qword ptr [r8 + CONTEXT_RBX], 0x77
    NOTE    "handler of_target sees rsi %X, writes rbx", eax
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x28
    END

/* expect
handler of_inner writes rsi 99
handler of_target sees rsi 2, writes rbx
landed, rbx 77, rsi 2
returned 1
*/

// SPDX-License-Identifier: MIT
// A language handler answers ExceptionCollidedUnwind in a search and leaves in its DISPATCHER_CONTEXT where to go on:
// in its caller's frame, behind the first scope. The scope that is passed over is not asked.
#include "program.inc"

    FUNCTION handler_answers_collided, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    colliding_frame
    nop
.Lend:
    int3
.Lfirst:
    NOTE    "not reached: the first scope's __except"
    int3
.Lsecond:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT  .Lbegin, .Lend, not_asked, .Lfirst
    EXCEPT  .Lbegin, .Lend, accepting, .Lsecond
    END

    CALLING_FRAME colliding_frame, faulting, colliding

    FUNCTION faulting
    ENTER   0x28
    mov     byte ptr [0x10], 0
    int3
    END

    .set CALLER, 0x40

    FUNCTION colliding
    ENTER   CALLER + CONTEXT_SIZE, rbx, rsi, rdi
    mov     rbx, r9
    mov     esi, [rcx + RECORD_FLAGS]
    NOTE    "handler colliding %08lX, flags %02lX", [rcx + RECORD_CODE], esi
    mov     eax, CONTINUE_SEARCH
    test    esi, ANY_UNWIND
    jnz     .Lanswer
    mov     rsi, [rbx + DISPATCHER_CONTEXT_RECORD]      // the caller's already
    mov     rcx, [rsi + CONTEXT_RIP]
    mov     [rbx + DISPATCHER_CONTROL_PC], rcx
    lea     rdx, [rbx + DISPATCHER_IMAGE_BASE]
    xor     r8d, r8d
    call    RtlLookupFunctionEntry
    mov     [rbx + DISPATCHER_FUNCTION_ENTRY], rax
    lea     rdi, [rsp + CALLER]
    mov     ecx, CONTEXT_SIZE / 8
    rep movsq
    mov     ecx, 1                  // UNW_FLAG_EHANDLER
    mov     rdx, [rbx + DISPATCHER_IMAGE_BASE]
    mov     r8, [rbx + DISPATCHER_CONTROL_PC]
    mov     r9, rax
    lea     rax, [rsp + CALLER]
    mov     [rsp + 0x20], rax
    lea     rax, [rbx + DISPATCHER_HANDLER_DATA]
    mov     [rsp + 0x28], rax
    lea     rax, [rbx + DISPATCHER_ESTABLISHER_FRAME]
    mov     [rsp + 0x30], rax
    mov     qword ptr [rsp + 0x38], 0
    call    RtlVirtualUnwind
    mov     [rbx + DISPATCHER_LANGUAGE_HANDLER], rax
    mov     dword ptr [rbx + DISPATCHER_SCOPE_INDEX], 1
    mov     eax, 3
.Lanswer:
    LEAVE   CALLER + CONTEXT_SIZE, rdi, rsi, rbx
    END

    FILTER  not_asked, 1
    FILTER  accepting, 1

/* expect
handler colliding C0000005, flags 00
filter accepting C0000005 answers 1
handler colliding C0000005, flags 02
except
returned 1
*/

// SPDX-License-Identifier: MIT
// A language handler that accepts an exception as __C_specific_handler does, by RtlUnwindEx to its own frame with the
// exception's record. The frames between have their unwind handlers called; its own is called as the target.
#include "program.inc"

    FUNCTION unwind_from_handler, accepting
    ENTER   0x28, rbx, rsi
    mov     ebx, 0x1234
    call    middle
    nop
    int3
.Llanded:
    NOTE    "landed, rax %08lX, rbx %X", eax, ebx
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    END

    CALLING_FRAME middle, faulting, passing

    FUNCTION faulting
    ENTER   0x20, rbx
    xor     ebx, ebx
    mov     byte ptr [0x10], 0
    int3
    END

    FUNCTION accepting
    ENTER   0x30, rbx, rsi, rdi
    mov     rbx, rcx
    mov     rsi, rdx
    mov     rdi, r9
    NOTE    "handler accepting %08lX, flags %02lX", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS]
    test    dword ptr [rbx + RECORD_FLAGS], ANY_UNWIND
    jnz     .Lpass
    mov     rcx, rsi
    lea     rdx, [rip + .Llanded]
    mov     r8, rbx
    mov     r9d, [rbx + RECORD_CODE]
    mov     rax, [rdi + DISPATCHER_CONTEXT_RECORD]
    mov     [rsp + 0x20], rax
    mov     qword ptr [rsp + 0x28], 0
    call    RtlUnwindEx
    int3
.Lpass:
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x30, rdi, rsi, rbx
    END

    PASSING_HANDLER passing

/* expect
handler passing C0000005, flags 00
handler accepting C0000005, flags 00
handler passing C0000005, flags 02
handler accepting C0000005, flags 22
landed, rax C0000005, rbx 1234
returned 1
*/

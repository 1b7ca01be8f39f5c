// SPDX-License-Identifier: MIT
// Each field of the DISPATCHER_CONTEXT that a language handler gets, in both phases: in the search its context is the
// caller's already and the fourth argument's peer is the exception's own; in the unwind both are the frame's.
#include "program.inc"

    .data
    .balign 8
frame:
    .quad   0

    FUNCTION dispatcher_context, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    examined
.Lbehind_examined:
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT_ALWAYS .Lbegin, .Lend, .Lexcept
    END

    FUNCTION examined, examining
    ENTER   0x58
    mov     [rip + frame], rsp
    call    faulting
.Lbehind_faulting:
    nop
    LEAVE   0x58
    .seh_handlerdata
handler_data:
    .long   0x12345678
    END

    FUNCTION faulting
    ENTER   0x28
.Lfault:
    mov     byte ptr [0x10], 0
    int3
    END

    .macro  CHECK field, expected
    mov     rax, \field
    .ifc    \expected, 0
    xor     r10d, r10d
    .else
    lea     r10, \expected
    .endif
    cmp     rax, r10
    setne   al
    movzx   eax, al
    add     edi, eax
    shl     esi
    or      esi, eax
    .endm

    FUNCTION examining
    ENTER   0x20, rbx, rsi, rdi, r12, r13
    mov     rbx, r9
    mov     r12, rcx
    mov     r13, r8
    mov     r11, [rbx + DISPATCHER_CONTEXT_RECORD]
    xor     esi, esi
    xor     edi, edi
    mov     r9, [rip + frame]
    CHECK   rdx, [r9]
    CHECK   [rbx+DISPATCHER_ESTABLISHER_FRAME], [r9]
    CHECK   [rbx+DISPATCHER_CONTROL_PC], [rip+.Lbehind_faulting]
    CHECK   [rbx+DISPATCHER_IMAGE_BASE], [rip+__ImageBase]
    mov     r8, [rbx + DISPATCHER_FUNCTION_ENTRY]
    mov     r8d, [r8]
    add     r8, [rbx + DISPATCHER_IMAGE_BASE]
    CHECK   r8, [rip+examined]
    CHECK   [rbx+DISPATCHER_LANGUAGE_HANDLER], [rip+examining]
    CHECK   [rbx+DISPATCHER_HANDLER_DATA], [rip+handler_data]
    mov     r8d, [rbx + DISPATCHER_SCOPE_INDEX]
    CHECK   r8, 0
    CHECK   [r12+RECORD_ADDRESS], [rip+.Lfault]
    test    dword ptr [r12 + RECORD_FLAGS], UNWINDING
    jnz     .Lunwinding
    CHECK   [rbx+DISPATCHER_TARGET_IP], 0
    CHECK   [r13+CONTEXT_RIP], [rip+.Lfault]
    CHECK   [r11+CONTEXT_RIP], [rip+.Lbehind_examined]
    CHECK   [r11+CONTEXT_RSP], [r9+0x60]
    NOTE    "search: %d fields wrong, %X", edi, esi
    jmp     .Lout
.Lunwinding:
    CHECK   [rbx+DISPATCHER_TARGET_IP], [rip+.Lexcept]
    CHECK   r13, [r11]
    CHECK   [r11+CONTEXT_RIP], [rip+.Lbehind_faulting]
    CHECK   [r11+CONTEXT_RSP], [r9]
    NOTE    "unwind: %d fields wrong, %X", edi, esi
.Lout:
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x20, r13, r12, rdi, rsi, rbx
    END

/* expect
search: 0 fields wrong, 0
unwind: 0 fields wrong, 0
except
returned 1
*/

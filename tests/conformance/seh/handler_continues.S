// SPDX-License-Identifier: MIT
// A language handler mends the exception's context and answers ExceptionContinueExecution: the faulting instruction
// runs again with what the handler put into a volatile register, a non-volatile one, and an XMM register.
#include "program.inc"

    .set CONTEXT_XMM0, 0x1A0

    .data
    .balign 8
mended:
    .long   0x1233

    FUNCTION handler_continues, mending
    ENTER   0x20, rbx
    xor     ebx, ebx
    xorps   xmm0, xmm0
    mov     ecx, 0x10
    mov     eax, [rcx]
    movd    r9d, xmm0
    NOTE    "read %X, rbx %X, xmm0 %X", eax, ebx, r9d
    mov     eax, 1
    LEAVE   0x20, rbx
    END

    FUNCTION mending
    ENTER   0x28
    lea     rax, [rip + mended]
    mov     [r8 + CONTEXT_RCX], rax
    mov     qword ptr [r8 + CONTEXT_RBX], 0x77
    mov     dword ptr [r8 + CONTEXT_XMM0], 0x99
    NOTE    "handler mending %08lX, flags %02lX", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS]
    mov     eax, CONTINUE_EXECUTION
    LEAVE   0x28
    END

/* expect
handler mending C0000005, flags 00
read 1233, rbx 77, xmm0 99
returned 1
*/

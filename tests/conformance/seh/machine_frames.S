// SPDX-License-Identifier: MIT
// Frames like those of an interrupt: the code builds what a processor pushes, SS, RSP, RFLAGS, CS and RIP, with and
// without an error code, and faults in the handler. Unwinding goes by the machine frame's own RIP and RSP.
#include "program.inc"

    FUNCTION machine_frames
    ENTER   0x28
    lea     rcx, [rip + without_error_code]
    call    interrupted
    lea     rcx, [rip + with_error_code]
    call    interrupted
    xor     eax, eax
    LEAVE   0x28
    END

// interrupted(handler): RSP of the frame is far from where the machine frame lies.
    FUNCTION interrupted, __C_specific_handler
    ENTER   0x128, rbx, rsi
    mov     ebx, 0x1234
    mov     esi, 0x5678
    mov     rax, rcx
.Lbegin:
    mov     r10, rsp
    lea     r11, [rip + .Linterrupted]
    jmp     rax
.Linterrupted:
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except, rbx %X, rsi %X", ebx, esi
    LEAVE   0x128, rsi, rbx
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    END

    FILTER  accepting, 1

    .macro  INTERRUPT name, size, error_code:vararg
    .text
    .balign 16, 0xCC
    .globl  \name
\name:
    and     rsp, -16
    xor     eax, eax
    mov     ax, ss
    push    rax
    push    r10
    pushfq
    mov     ax, cs
    push    rax
    push    r11
    .ifnb   \error_code
    push    0
    .endif
    jmp     \name\()_entry
    .seh_proc \name\()_entry
\name\()_entry:
    .seh_pushframe \error_code
    push    rbx
    .seh_pushreg rbx
    push    rsi
    .seh_pushreg rsi
    sub     rsp, \size
    .seh_stackalloc \size
    .seh_endprologue
    xor     ebx, ebx
    xor     esi, esi
    NOTE    "\name"
    mov     byte ptr [0x10], 0
    int3
    .seh_endproc
    .endm

    INTERRUPT without_error_code, 0x28
    INTERRUPT with_error_code, 0x20, @code

/* expect
without_error_code
filter accepting C0000005 answers 1
except, rbx 1234, rsi 5678
with_error_code
filter accepting C0000005 answers 1
except, rbx 1234, rsi 5678
returned 0
*/

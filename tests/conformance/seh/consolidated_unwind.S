// SPDX-License-Identifier: MIT
// An unwind with a record of STATUS_UNWIND_CONSOLIDATE, as C++ handlers use it: when the frames are unwound, a function
// that the record names is called below the target frame, and what it returns is where the frame goes on. An exception
// in that function finds the target frame as its caller, with its registers.
#include "program.inc"

    .data
    .balign 8
target_frame:
    .quad   0

    FUNCTION consolidated_unwind, __C_specific_handler
    ENTER   0x28, rbx, rsi
    mov     ebx, 0x1234
    mov     [rip + target_frame], rsp
    call    unwinding
    nop
    int3
.Lgoes_on:
    NOTE    "goes on, rbx %X", ebx
    mov     ebx, 0x5678
    mov     dword ptr [rip + faults], 1
.Lbegin:
    call    unwinding
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except, rbx %X", ebx
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    END

    FUNCTION unwinding, __C_specific_handler
    ENTER   RECORD_SIZE + 0x30 + CONTEXT_SIZE + 0x10, rbx, rdi
    xor     ebx, ebx
    lea     rdi, [rsp + 0x30]
    mov     ecx, RECORD_SIZE
    xor     eax, eax
    rep stosb
    mov     dword ptr [rsp + 0x30 + RECORD_CODE], 0x80000029
    mov     dword ptr [rsp + 0x30 + RECORD_PARAMETERS], 2
    lea     rax, [rip + consolidating]
    mov     [rsp + 0x30 + RECORD_INFORMATION], rax
    mov     qword ptr [rsp + 0x30 + RECORD_INFORMATION + 8], 0x77
.Lunwinding_begin:
    mov     rcx, [rip + target_frame]
    xor     edx, edx
    lea     r8, [rsp + 0x30]
    xor     r9d, r9d
    lea     rax, [rsp + 0x30 + RECORD_SIZE + 8]
    mov     [rsp + 0x20], rax
    mov     qword ptr [rsp + 0x28], 0
    call    RtlUnwindEx
    nop
.Lunwinding_end:
    int3
    SCOPES
    FINALLY .Lunwinding_begin, .Lunwinding_end, of_unwinding
    END

    FUNCTION consolidating
    ENTER   0x20, rbx
    mov     rbx, rcx
    NOTE    "consolidating %08lX, parameter %X", [rcx+RECORD_CODE], [rcx+RECORD_INFORMATION+8]
    xor     ebx, ebx
    cmp     dword ptr [rip + faults], 0
    je      .Lreturn
    mov     byte ptr [0x10], 0
.Lreturn:
    lea     rax, [rip + .Lgoes_on]
    LEAVE   0x20, rbx
    END

    .data
    .balign 4
faults:
    .long   0

    FINALLY_BLOCK of_unwinding
    FILTER  accepting, 1

/* expect
finally of_unwinding, abnormal 1
consolidating 80000029, parameter 77
goes on, rbx 1234
finally of_unwinding, abnormal 1
consolidating 80000029, parameter 77
filter accepting C0000005 answers 1
except, rbx 5678
returned 1
*/

/* expect wine: the frame of its callback unwinds to the caller of the target, not to the target
finally of_unwinding, abnormal 1
consolidating 80000029, parameter 77
goes on, rbx 1234
finally of_unwinding, abnormal 1
consolidating 80000029, parameter 77
raised C0000005
*/

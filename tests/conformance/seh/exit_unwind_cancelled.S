// SPDX-License-Identifier: MIT
// A __finally that an exit unwind runs jumps to its function's caller: the thread is not left after all. The frames
// behind see the jump's unwind, which is none to the exit.
#include "program.inc"

    .data
    .balign 8
target_frame:
    .quad   0

    FUNCTION exit_unwind_cancelled, passing
    ENTER   0x28
    mov     [rip + target_frame], rsp
    call    middle
    nop
    int3
.Llanded:
    NOTE    "landed"
    mov     eax, 1
    LEAVE   0x28
    END

    CALLING_FRAME middle, leaving, passing

    FUNCTION leaving, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    exits
    nop
.Lend:
    int3
    SCOPES
    FINALLY .Lbegin, .Lend, first
    FINALLY .Lbegin, .Lend, jumping
    FINALLY .Lbegin, .Lend, last
    END

    FUNCTION exits, passing
    ENTER   0x28
    xor     ecx, ecx
    xor     edx, edx
    xor     r8d, r8d
    xor     r9d, r9d
    call    RtlUnwind
    int3
    END

    FUNCTION jumping
    ENTER   0x28
    NOTE    "finally jumping"
    mov     rcx, [rip + target_frame]
    lea     rdx, [rip + .Llanded]
    call    _local_unwind
    int3
    END

    FINALLY_BLOCK first
    FINALLY_BLOCK last
    PASSING_HANDLER passing

/* expect
handler passing C0000027, flags 06
finally first, abnormal 1
finally jumping
finally last, abnormal 1
handler passing C0000027, flags 02
handler passing C0000027, flags 22
landed
returned 1
*/

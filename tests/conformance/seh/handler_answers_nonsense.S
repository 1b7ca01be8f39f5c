// SPDX-License-Identifier: MIT
// A language handler whose answer is no disposition, in the search phase and then in the unwind phase: the dispatcher
// raises STATUS_INVALID_DISPOSITION from where it stands. What it raises cannot be continued either.
#include "program.inc"

    .data
    .balign 8
nonsense_phase:
    .long   0                       // the flags at which the handler answers nonsense

    FUNCTION handler_answers_nonsense, __C_specific_handler
    ENTER   0x28
    mov     dword ptr [rip + nonsense_phase], 0
.Lbegin:
    call    raising
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     dword ptr [rip + nonsense_phase], UNWINDING
.Lsecond_begin:
    call    raising
    nop
.Lsecond_end:
    int3
.Lsecond_except:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    EXCEPT  .Lsecond_begin, .Lsecond_end, accepting, .Lsecond_except
    END

    FUNCTION raising, answering
    ENTER   0x28
    RAISE   0xE0000001
    int3
    END

    FUNCTION answering
    ENTER   0x20, rbx
    mov     ebx, CONTINUE_SEARCH
    cmp     dword ptr [rcx + RECORD_CODE], 0xE0000001
    jne     .Lanswer
    mov     eax, [rip + nonsense_phase]
    cmp     [rcx + RECORD_FLAGS], eax
    jne     .Lanswer
    mov     ebx, 7
.Lanswer:
    NOTE    "handler %08lX, flags %02lX, answers %d", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS], ebx
    mov     eax, ebx
    LEAVE   0x20, rbx
    END

    FILTER  accepting, 1

/* expect
handler E0000001, flags 00, answers 7
handler C0000026, flags 01, answers 1
filter accepting C0000026 answers 1
handler C0000026, flags 02, answers 1
except
handler E0000001, flags 00, answers 1
filter accepting E0000001 answers 1
handler E0000001, flags 02, answers 7
handler C0000026, flags 11, answers 1
filter accepting C0000026 answers 1
handler C0000026, flags 02, answers 1
except
returned 1
*/

/* expect wine: its unwind keeps the record's flags, and what it raises itself is never a nested exception
handler E0000001, flags 00, answers 7
handler C0000026, flags 01, answers 1
filter accepting C0000026 answers 1
handler C0000026, flags 03, answers 1
except
handler E0000001, flags 00, answers 1
filter accepting E0000001 answers 1
handler E0000001, flags 02, answers 7
handler C0000026, flags 01, answers 1
filter accepting C0000026 answers 1
handler C0000026, flags 03, answers 1
except
returned 1
*/

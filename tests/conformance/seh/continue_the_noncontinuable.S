// SPDX-License-Identifier: MIT
// A handler answers ExceptionContinueExecution to an exception that says it cannot be continued, or to one whose record
// a handler before it has marked so: the dispatcher raises STATUS_NONCONTINUABLE_EXCEPTION.
#include "program.inc"

    FUNCTION continue_the_noncontinuable, __C_specific_handler
    ENTER   0x28
.Lbegin:
    mov     ecx, 1
    call    continuing
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
.Lsecond_begin:
    xor     ecx, ecx
    call    continuing
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

    FUNCTION continuing, continuing_handler
    ENTER   0x28
    call    raising
    nop
    LEAVE   0x28
    END

    FUNCTION raising, marking
    ENTER   0x28
    mov     edx, ecx
    mov     ecx, 0xE0000001
    call    raise
    int3
    END

    FUNCTION continuing_handler
    ENTER   0x20, rbx
    mov     ebx, CONTINUE_SEARCH
    cmp     dword ptr [rcx + RECORD_CODE], 0xE0000001
    jne     .Lanswer
    mov     ebx, CONTINUE_EXECUTION
.Lanswer:
    NOTE    "handler %08lX, flags %02lX, answers %d", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS], ebx
    mov     eax, ebx
    LEAVE   0x20, rbx
    END

    FUNCTION marking
    ENTER   0x20, rbx
    mov     rbx, rcx
    NOTE    "marking %08lX, flags %02lX", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS]
    or      dword ptr [rbx + RECORD_FLAGS], 1
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x20, rbx
    END

    FILTER  accepting, 1

/* expect
marking E0000001, flags 01
handler E0000001, flags 01, answers 0
marking C0000025, flags 01
handler C0000025, flags 01, answers 1
filter accepting C0000025 answers 1
marking C0000025, flags 02
handler C0000025, flags 02, answers 1
except
marking E0000001, flags 00
handler E0000001, flags 01, answers 0
marking C0000025, flags 01
handler C0000025, flags 01, answers 1
filter accepting C0000025 answers 1
marking C0000025, flags 02
handler C0000025, flags 02, answers 1
except
returned 1
*/

/* expect wine: its unwind keeps the record's flags beside its own
marking E0000001, flags 01
handler E0000001, flags 01, answers 0
marking C0000025, flags 01
handler C0000025, flags 01, answers 1
filter accepting C0000025 answers 1
marking C0000025, flags 03
handler C0000025, flags 03, answers 1
except
marking E0000001, flags 00
handler E0000001, flags 01, answers 0
marking C0000025, flags 01
handler C0000025, flags 01, answers 1
filter accepting C0000025 answers 1
marking C0000025, flags 03
handler C0000025, flags 03, answers 1
except
returned 1
*/

// SPDX-License-Identifier: MIT
// Of the flags that a record is raised with, handlers see EXCEPTION_NONCONTINUABLE and EXCEPTION_SOFTWARE_ORIGINATE
// alone, whatever else it said; of those that a handler sets, the handlers behind it see the first alone.
#include "program.inc"

    FUNCTION flags_of_search, __C_specific_handler
    ENTER   0x28, rbx, rsi
    lea     rbx, [rip + raised_flags]
.Lnext:
    mov     esi, [rbx]
    cmp     esi, -1
    je      .Ldone
    NOTE    "raised with %02lX", esi
.Lbegin:
    mov     ecx, esi
    call    outer
    nop
.Lend:
    int3
.Lexcept:
    add     rbx, 4
    jmp     .Lnext
.Ldone:
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    SCOPES
    EXCEPT_ALWAYS .Lbegin, .Lend, .Lexcept
    END

    .section .rdata, "dr"
    .balign 4
raised_flags:
    .long   0, 0x01, 0x80, 0x81, 0x7E, 0xFF, -1

    CALLING_FRAME outer, inner, of_outer

    FUNCTION inner, of_inner
    ENTER   0x28
    mov     edx, ecx
    mov     ecx, 0xE0000001
    call    raise
    int3
    END

    .macro  SETTING_HANDLER name
    FUNCTION \name
    ENTER   0x20, rbx
    mov     eax, [rcx + RECORD_FLAGS]
    test    eax, UNWINDING
    jnz     .L\name\()_out
    mov     rbx, rcx
    NOTE    "handler \name, flags %02lX", eax
    mov     dword ptr [rbx + RECORD_FLAGS], 0x99
.L\name\()_out:
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x20, rbx
    END
    .endm

    SETTING_HANDLER of_inner
    SETTING_HANDLER of_outer

/* expect
raised with 00
handler of_inner, flags 00
handler of_outer, flags 01
raised with 01
handler of_inner, flags 01
handler of_outer, flags 01
raised with 80
handler of_inner, flags 80
handler of_outer, flags 81
raised with 81
handler of_inner, flags 81
handler of_outer, flags 81
raised with 7E
handler of_inner, flags 00
handler of_outer, flags 01
raised with FF
handler of_inner, flags 81
handler of_outer, flags 81
returned 1
*/

/* expect wine: it asks no handler while the record says that it unwinds, and its own walk drops the second flag
raised with 00
handler of_inner, flags 00
handler of_outer, flags 01
raised with 01
handler of_inner, flags 01
handler of_outer, flags 01
raised with 80
handler of_inner, flags 80
handler of_outer, flags 01
raised with 81
handler of_inner, flags 81
handler of_outer, flags 01
raised with 7E
handler of_outer, flags 00
raised with FF
handler of_outer, flags 01
returned 1
*/

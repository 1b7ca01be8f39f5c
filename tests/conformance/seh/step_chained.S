// SPDX-License-Identifier: MIT
// A function in four fragments, each chained to the one before: a shrink-wrapped function saves further registers only
// where it needs them. Every fragment undoes its own codes and those of all before it; the handler is the first one's.
#include "program.inc"
#include "stepping.inc"

    .set CHAININFO, 4 << 3

    FUNCTION step_chained
    ENTER   0x20, rdi
    STEP    fragments
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    FUNCTION fragments, stepped
    ENTER   0x38, rbx
    xor     ebx, ebx
    jmp     second
back:
    LEAVE   0x38, rbx
fragments_end:
    END

    .macro  FRAGMENT name, parent, parent_begin, parent_end, prologue, codes:vararg
    .section .pdata, "dr"
    .long   \name@IMGREL, \name\()_end@IMGREL, \name\()_unwind@IMGREL
    .section .xdata, "dr"
    .balign 4
\name\()_unwind:
    .byte   1 | CHAININFO, \prologue, (775f - 774f) / 2, 0
774:
    .byte   \codes
775:
    .balign 4, 0
    .long   \parent_begin@IMGREL, \parent_end@IMGREL, \parent@IMGREL
    .text
    .endm

second:
    mov     [rsp + 0x20], rsi
second_saved:
    xor     esi, esi
    jmp     third
second_resumes:
    mov     rsi, [rsp + 0x20]
    jmp     back
second_end:

third:
    mov     [rsp + 0x28], r15
third_saved:
    xor     r15d, r15d
    jmp     fourth
third_resumes:
    mov     r15, [rsp + 0x28]
    jmp     second_resumes
third_end:

fourth:
    xor     ebx, ebx
    jmp     third_resumes
fourth_end:

// The directives give no name to the first fragment's unwind data, so the chain ends in a copy of it.
    .section .xdata, "dr"
    .balign 4
fragments_unwind:
    .byte   1 | 3 << 3, 5, 2, 0
    .byte   5, 0x62, 1, 0x30        // ALLOC_SMALL 38h, PUSH_NONVOL rbx
    .long   stepped@IMGREL

    FRAGMENT second, fragments_unwind, fragments, fragments_end, 5, 5, 0x64, 4, 0           // SAVE_NONVOL rsi, 20h
    FRAGMENT third, second_unwind, second, second_end, 5, 5, 0xF4, 5, 0                     // SAVE_NONVOL r15, 28h
    FRAGMENT fourth, third_unwind, third, third_end, 0

/* expect
fragments ..HHHHHHHHHHHHHH....
returned 0
*/

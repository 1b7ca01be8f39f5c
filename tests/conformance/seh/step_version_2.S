// SPDX-License-Identifier: MIT
// A single step at every instruction of a function whose unwind data is of version 2: it lists the epilogues, which
// begin at their first pop, so the instruction before that still belongs to the body.
#include "program.inc"
#include "stepping.inc"

    FUNCTION step_version_2
    ENTER   0x20, rdi
    STEP    leaves_by_the_first
    STEP    leaves_by_the_second
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    .macro  LISTED_LEAVE
    .seh_startepilogue
    add     rsp, 0x20
    .seh_unwindv2start
    pop     r14
    pop     rsi
    pop     rbx
    .seh_endepilogue
    ret
    .endm

    .macro  TWO_EPILOGUES name, branch
    FUNCTION \name, stepped
    .seh_unwindversion 2
    ENTER   0x20, rbx, rsi, r14
    xor     ebx, ebx
    \branch .Lsecond\@
    xor     r14d, r14d
    LISTED_LEAVE
.Lsecond\@:
    xor     esi, esi
    LISTED_LEAVE
    END
    .endm

    TWO_EPILOGUES leaves_by_the_first, jnz
    TWO_EPILOGUES leaves_by_the_second, jz

/* expect
leaves_by_the_first ....HHHH.....
leaves_by_the_second ....HHHH.....
returned 0
*/

/* expect wine: it looks at the instructions, and so counts the `add rsp` in
leaves_by_the_first ....HHH......
leaves_by_the_second ....HHH......
returned 0
*/

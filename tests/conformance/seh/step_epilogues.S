// SPDX-License-Identifier: MIT
// A single step at every instruction of functions that leave in each way that unwinders recognise as an epilogue. In
// prologue and epilogue a function's own handler is not asked, and what was popped already is not popped again.
#include "program.inc"
#include "stepping.inc"

    FUNCTION step_epilogues
    ENTER   0x20, rdi
    STEP    pops
    STEP    nothing_but_pops
    STEP    large_allocation
    STEP    repeated_return
    STEP    jump_within_the_body
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    .macro  PROLOGUE name, size
    FUNCTION \name, stepped
    ENTER   \size, rbx, r12
    mov     ebx, 1
    mov     r12d, 2
    .endm

    PROLOGUE pops, 0x28
    LEAVE   0x28, r12, rbx
    END

    FUNCTION nothing_but_pops, stepped
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    push    r15
    .seh_pushreg r15
    .seh_endprologue
    mov     esi, 1
    mov     edi, 2
    mov     r15d, 3
    pop     r15
    pop     rdi
    pop     rsi
    ret
    END

    PROLOGUE large_allocation, 0x408
    LEAVE   0x408, r12, rbx
    END

    PROLOGUE repeated_return, 0x28
    add     rsp, 0x28
    pop     r12
    pop     rbx
    rep ret
    END

    FUNCTION jump_within_the_body, stepped
    ENTER   0x28, rbx
    add     rsp, 0
    jmp     .Lwithin
.Lwithin:
    nop
    LEAVE   0x28, rbx
    END

/* expect
pops ...HH.....
nothing_but_pops ...HHH.....
large_allocation ...HH.....
repeated_return ...HH.....
jump_within_the_body ..HHH....
returned 0
*/

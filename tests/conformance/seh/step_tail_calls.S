// SPDX-License-Identifier: MIT
// A single step at every instruction of functions that leave by a jump: to a function nearby, through a pointer, and
// through a register, where a REX.W prefix tells an unwinder that the jump leaves the function.
#include "program.inc"
#include "stepping.inc"

    FUNCTION step_tail_calls
    ENTER   0x20, rdi
    STEP    tail_call
    STEP    tail_call_through_pointer
    STEP    tail_call_through_register
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    .macro  PROLOGUE name, size
    FUNCTION \name, stepped
    ENTER   \size, rbx, r12
    mov     ebx, 1
    mov     r12d, 2
    .endm

    PROLOGUE tail_call, 0x28
    add     rsp, 0x28
    pop     r12
    pop     rbx
    jmp     leaf
    END

    .section .rdata, "dr"
    .balign 8
leaf_pointer:
    .quad   leaf

    PROLOGUE tail_call_through_pointer, 0x28
    add     rsp, 0x28
    pop     r12
    pop     rbx
    jmp     [rip + leaf_pointer]
    END

    PROLOGUE tail_call_through_register, 0x28
    lea     rax, [rip + leaf]
    add     rsp, 0x28
    pop     r12
    pop     rbx
    rex64 jmp rax
    END

leaf:
    mov     eax, 1
    ret

/* expect
tail_call ...HH.......
tail_call_through_pointer ...HH.......
tail_call_through_register ...HHH.......
returned 0
*/

/* expect wine: a jump out of the function is no epilogue to it
raised 80000004
*/

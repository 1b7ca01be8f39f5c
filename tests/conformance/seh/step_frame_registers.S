// SPDX-License-Identifier: MIT
// A single step at every instruction of functions with a frame register: at the bottom of the frame, in its middle and
// as far up as it can be, with a stack that grows in the body. In the epilogue the register may be the caller's again.
#include "program.inc"
#include "stepping.inc"

    FUNCTION step_frame_registers
    ENTER   0x20, rdi
    STEP    rbp_at_the_bottom
    STEP    rbx_10h_up
    STEP    r13_F0h_up
    STEP    r12_behind_a_call
    STEP    return_with_bytes
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    .macro  FRAMED name, register, size, offset, grows
    FUNCTION \name, stepped
    push    \register
    .seh_pushreg \register
    push    rsi
    .seh_pushreg rsi
    sub     rsp, \size
    .seh_stackalloc \size
    lea     \register, [rsp + \offset]
    .seh_setframe \register, \offset
    .seh_endprologue
    xor     esi, esi
    sub     rsp, \grows
    lea     rsp, [\register + \size - \offset]
    pop     rsi
    pop     \register
    ret
    END
    .endm

    FRAMED  rbp_at_the_bottom, rbp, 0x28, 0, 0x40
    FRAMED  rbx_10h_up, rbx, 0x28, 0x10, 0x1000
    FRAMED  r13_F0h_up, r13, 0x128, 0xF0, 0x38

// `lea rsp, [r12 + n]` has a SIB byte, which no unwinder takes for an epilogue: the frame stays the body's.
    FUNCTION r12_behind_a_call, stepped
    push    r12
    .seh_pushreg r12
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    lea     r12, [rsp + 0x10]
    .seh_setframe r12, 0x10
    .seh_endprologue
    call    leaf
    lea     rsp, [r12 + 0x10]
    pop     r12
    ret
    END

leaf:
    ret

    FUNCTION return_with_bytes, stepped
    push    rbp
    .seh_pushreg rbp
    mov     rbp, rsp
    .seh_setframe rbp, 0
    .seh_endprologue
    sub     rsp, 0x30
    call    removes_bytes
    nop                             // else the return address would stand in the epilogue
    lea     rsp, [rbp]
    pop     rbp
    ret
    END

    FUNCTION removes_bytes
    ENTER   0x28, rbx
    xor     ebx, ebx
    add     rsp, 0x28
    pop     rbx
    ret     0x10
    END

/* expect
rbp_at_the_bottom ....HH.....
rbx_10h_up ....HH.....
r13_F0h_up ....HH.....
r12_behind_a_call ...HHH...
return_with_bytes ..HHHHHHHHH....
returned 0
*/

/* expect wine: it takes the popped frame register for the frame in an epilogue, which is then not on the stack
*/

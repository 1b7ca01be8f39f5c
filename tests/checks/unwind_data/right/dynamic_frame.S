// SPDX-License-Identifier: MIT
// RSP moves in the body, and a frame register keeps the frame.

#include "../guest/unwind.inc"

    .globl  dynamic_frame
    .seh_proc dynamic_frame
dynamic_frame:
    push    rbp
    .seh_pushreg rbp
    push    rsi
    .seh_pushreg rsi
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     esi, 3
.Lmore:
    mov     eax, 0x40
    sub     rsp, rax
    mov     [rsp + 0x20], rax
    dec     esi
    jnz     .Lmore
    and     rsp, -64
    call    callee
    lea     rsp, [rbp + 0x08]
    pop     rsi
    pop     rbp
    ret
    .seh_endproc

    .globl  callee
callee:
    xor     eax, eax
    ret

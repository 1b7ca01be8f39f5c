// SPDX-License-Identifier: MIT
// A part of a function, jumped to with the frame built, that is not chained to it.

#include "unwind.inc"

    .globl  chain_missing
    .seh_proc chain_missing
chain_missing:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     ebx, ebx
    jmp     cold_part
    .seh_endproc

    .globl  cold_part
    .seh_proc cold_part
    .seh_endprologue
cold_part:
    xor     eax, eax
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

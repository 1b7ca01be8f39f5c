// SPDX-License-Identifier: MIT
// A frame of three pages, probed by a call in the prologue.

#include "../guest/unwind.inc"

    .globl  large_frame
    .seh_proc large_frame
large_frame:
    push    rbx
    .seh_pushreg rbx
    mov     eax, 0x3000
    call    probe
    sub     rsp, rax
    .seh_stackalloc 0x3000
    .seh_endprologue
    xor     ebx, ebx
    mov     [rsp + 0x2000], rbx
    add     rsp, 0x3000
    pop     rbx
    ret
    .seh_endproc

    .globl  probe
probe:
    mov     r10, rsp
    sub     r10, rax
    ret

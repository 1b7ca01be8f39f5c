// SPDX-License-Identifier: MIT
// The body overwrites the frame register.

#include "unwind.inc"

    .globl  frame_register_overwritten
    .seh_proc frame_register_overwritten
frame_register_overwritten:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     ebp, 1
    xor     eax, eax
    add     rsp, 0x20
    pop     rbp
    ret
    .seh_endproc

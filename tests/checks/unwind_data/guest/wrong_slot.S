// SPDX-License-Identifier: MIT
// A register saved beside where the code says.

#include "unwind.inc"

    .globl  wrong_slot
    .seh_proc wrong_slot
wrong_slot:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    mov     [rsp + 0x20], rbx
    .seh_savereg rbx, 0x18
    .seh_endprologue
    xor     ebx, ebx
    mov     rbx, [rsp + 0x20]
    add     rsp, 0x28
    ret
    .seh_endproc

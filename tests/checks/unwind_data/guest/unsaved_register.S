// SPDX-License-Identifier: MIT
// A non-volatile register that is changed and kept in a register, where no code can find it.

#include "unwind.inc"

    .globl  unsaved_register
    .seh_proc unsaved_register
unsaved_register:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     r11, rbx
    xor     ebx, ebx
    mov     rbx, r11
    add     rsp, 0x28
    ret
    .seh_endproc

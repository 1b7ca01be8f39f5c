// SPDX-License-Identifier: MIT
// An epilogue that takes RSP from a register that is no frame register.

#include "unwind.inc"

    .globl  epilogue_by_mov
    .seh_proc epilogue_by_mov
epilogue_by_mov:
    mov     r11, rsp
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     rbx, [rsp + 0x20]
    mov     rsp, r11
    nop
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// An epilogue that gives the registers back in the wrong order: the caller does not get its own.

#include "unwind.inc"

    .globl  epilogue_pops_another
    .seh_proc epilogue_pops_another
epilogue_pops_another:
    push    rbx
    .seh_pushreg rbx
    push    rdi
    .seh_pushreg rdi
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    xor     eax, eax
    add     rsp, 0x28
    pop     rbx
    pop     rdi
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// An epilogue with an instruction of another kind in it.

#include "unwind.inc"

    .globl  epilogue_interrupted
    .seh_proc epilogue_interrupted
epilogue_interrupted:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     ebx, ebx
    add     rsp, 0x20
    mov     eax, 1
    pop     rbx
    ret
    .seh_endproc

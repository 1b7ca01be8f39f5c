// SPDX-License-Identifier: MIT
// A non-volatile XMM register that is changed in a function that saves another.

#include "unwind.inc"

    .globl  unsaved_xmm
    .seh_proc unsaved_xmm
unsaved_xmm:
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    movups  [rsp + 0x20], xmm7
    .seh_savexmm xmm7, 0x20
    .seh_endprologue
    movaps  xmm0, xmm6
    xorps   xmm6, xmm6
    xorps   xmm7, xmm7
    movaps  xmm6, xmm0
    movups  xmm7, [rsp + 0x20]
    add     rsp, 0x38
    ret
    .seh_endproc

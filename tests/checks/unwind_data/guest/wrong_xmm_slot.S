// SPDX-License-Identifier: MIT
// An XMM register saved beside where the code says.

#include "unwind.inc"

    .globl  wrong_xmm_slot
    .seh_proc wrong_xmm_slot
wrong_xmm_slot:
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x10
    .seh_endprologue
    xorps   xmm6, xmm6
    movaps  xmm6, [rsp + 0x20]
    add     rsp, 0x38
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// An allocation of another size than the code says.

#include "unwind.inc"

    .globl  wrong_size
    .seh_proc wrong_size
wrong_size:
    sub     rsp, 0x28
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     eax, eax
    add     rsp, 0x28
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A frame of three pages, probed by a call, of another size than the code says.

#include "unwind.inc"

    .globl  wrong_size_large
    .seh_proc wrong_size_large
wrong_size_large:
    push    rbx
    .seh_pushreg rbx
    mov     eax, 0x3000
    call    probe
    sub     rsp, rax
    .seh_stackalloc 0x2000
    .seh_endprologue
    xor     ebx, ebx
    add     rsp, 0x3000
    pop     rbx
    ret
    .seh_endproc

    .globl  probe
probe:
    ret

// SPDX-License-Identifier: MIT
// A call that ends a function: what it returns to is in the next one, and no frame of it can be found from there.

#include "unwind.inc"

    .globl  call_at_the_end
    .seh_proc call_at_the_end
call_at_the_end:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    call    never_returns
    .seh_endproc

    .globl  never_returns
    .seh_proc never_returns
    .seh_endprologue
never_returns:
    ud2
    .seh_endproc

// SPDX-License-Identifier: MIT
// The entry point when the library is an image of its own. Returns STATUS_SUCCESS.

#include "umaccess.inc"

    FUNCTION DriverEntry
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    call    UmaInitialize
    xor     eax, eax
    add     rsp, 0x28
    ret
    .seh_endproc

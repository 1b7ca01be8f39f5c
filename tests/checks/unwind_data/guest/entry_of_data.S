// SPDX-License-Identifier: MIT
// An entry of the table that covers data.

#include "unwind.inc"

    .globl  entry_of_data
entry_of_data:
    xor     eax, eax
    ret

    .section .rdata, "dr"
.Ldata:
    .quad   0, 0
.Ldata_end:

    ENTRY   .Ldata, .Ldata_end, .Linfo
    INFO    .Linfo
    END_INFO

// SPDX-License-Identifier: MIT
// A version 2 function that declares one of its two epilogues.

#include "unwind.inc"

    .globl  version_2_epilogue_undeclared
version_2_epilogue_undeclared:
    push    rbx
    sub     rsp, 0x20
    xor     ebx, ebx
    test    ecx, ecx
    jnz     .Lother
    add     rsp, 0x20
    pop     rbx
    ret
.Lother:
    add     rsp, 0x20
    pop     rbx
    ret
.Lend:

    ENTRY   version_2_epilogue_undeclared, .Lend, .Linfo
    INFO    .Linfo, version=2, prologue=5, codes=3
    CODE    2, EPILOG, 1
    CODE    5, ALLOC_SMALL, 3
    CODE    1, PUSH_NONVOL, RBX
    .short  0
    END_INFO

// SPDX-License-Identifier: MIT
// A version 2 epilogue that is declared a byte too early.

#include "unwind.inc"

    .globl  version_2_epilogue
version_2_epilogue:
    push    rbx
    push    rdi
    sub     rsp, 0x28
    xor     ebx, ebx
    add     rsp, 0x28
    pop     rdi
    pop     rbx
    ret
.Lend:

    ENTRY   version_2_epilogue, .Lend, .Linfo
    INFO    .Linfo, version=2, prologue=6, codes=5
    CODE    3, EPILOG, 0
    CODE    4, EPILOG, 0
    CODE    6, ALLOC_SMALL, 4
    CODE    2, PUSH_NONVOL, RDI
    CODE    1, PUSH_NONVOL, RBX
    .short  0
    END_INFO

// SPDX-License-Identifier: MIT
// Two epilogues that version 2 information declares, and tail calls out of both.

#include "../guest/unwind.inc"

    .globl  version_2
version_2:
    push    rbx
    push    r14
    sub     rsp, 0x28
    xor     ebx, ebx
    test    ecx, ecx
    jnz     .Lother
    add     rsp, 0x28
    pop     r14
    pop     rbx
    jmp     .Ltail
.Lother:
    add     rsp, 0x28
    pop     r14
    pop     rbx
    ret
.Lend:
    int3

.Ltail:
    xor     eax, eax
    ret

    .set    SECOND, .Lend - .Lother - 4
    ENTRY   version_2, .Lend, .Linfo
    INFO    .Linfo, version=2, prologue=7, codes=5
    CODE    4, EPILOG, 1
    CODE    13, EPILOG, 0
    CODE    7, ALLOC_SMALL, 4
    CODE    3, PUSH_NONVOL, 14
    CODE    1, PUSH_NONVOL, RBX
    .short  0
    END_INFO

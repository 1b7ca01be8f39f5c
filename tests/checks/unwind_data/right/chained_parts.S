// SPDX-License-Identifier: MIT
// A function in three parts: the second saves a register of its own, the third only goes on.

#include "../guest/unwind.inc"

    .globl  chained_parts
chained_parts:
    push    rbx
    sub     rsp, 0x30
    test    ecx, ecx
    jnz     .Lback
    jmp     .Lsecond
.Lback:
    xor     ebx, ebx
    add     rsp, 0x30
    pop     rbx
    ret
.Lend:
    int3

.Lsecond:
    mov     [rsp + 0x50], rsi
    xor     esi, esi
    jmp     .Lthird
.Lsecond_end:
    int3

.Lthird:
    xor     ebx, ebx
    mov     rsi, [rsp + 0x50]
    add     rsp, 0x30
    pop     rbx
    ret
.Lthird_end:

    ENTRY   chained_parts, .Lend, .Linfo
    ENTRY   .Lsecond, .Lsecond_end, .Lsecond_info
    ENTRY   .Lthird, .Lthird_end, .Lthird_info
    INFO    .Linfo, prologue=5, codes=2
    CODE    5, ALLOC_SMALL, 5
    CODE    1, PUSH_NONVOL, RBX
    END_INFO
    INFO    .Lsecond_info, flags=4, prologue=5, codes=2
    CODE    5, SAVE_NONVOL, RSI
    .short  0x50 / 8
    .long   chained_parts@IMGREL, .Lend@IMGREL, .Linfo@IMGREL
    END_INFO
    INFO    .Lthird_info, flags=4
    .long   .Lsecond@IMGREL, .Lsecond_end@IMGREL, .Lsecond_info@IMGREL
    END_INFO

// SPDX-License-Identifier: MIT
// A handler at the very target of an unwind unwinds to that frame itself: it is called again with
// EXCEPTION_TARGET_UNWIND and EXCEPTION_COLLIDED_UNWIND together, and the second jump's target is where it ends.
#include "program.inc"

    .data
    .balign 8
times:
    .long   0

    FUNCTION flags_of_collision_at_target, of_target
    ENTER   0x28
    mov     rcx, rsp
    lea     rdx, [rip + .Lfirst]
    call    _local_unwind
    int3
.Lfirst:
    NOTE    "not reached: the first target"
    int3
.Lsecond:
    NOTE    "landed"
    mov     eax, 1
    LEAVE   0x28
    END

    FUNCTION of_target
    ENTER   0x20, rbx
    mov     rbx, rdx
    NOTE    "handler %08lX, flags %02lX", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS]
    inc     dword ptr [rip + times]
    cmp     dword ptr [rip + times], 1
    jne     .Lpass
    mov     rcx, rbx
    lea     rdx, [rip + .Lsecond]
    call    _local_unwind
    int3
.Lpass:
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x20, rbx
    END

/* expect
handler C0000027, flags 22
handler C0000027, flags 62
landed
returned 1
*/

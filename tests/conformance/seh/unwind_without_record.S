// SPDX-License-Identifier: MIT
// RtlUnwindEx and RtlUnwind without a record make one of STATUS_UNWIND, whose address is the call's own; the value that
// they are given is RAX at the target, and what RAX is for handlers of the frames on the way.
#include "program.inc"

    .data
    .balign 8
target_frame:
    .quad   0

    FUNCTION unwind_without_record, passing
    ENTER   0x28
    mov     [rip + target_frame], rsp
    call    by_unwind_ex
    nop
    int3
.Lby_unwind_ex:
    NOTE    "landed, rax %lX", eax
    call    by_unwind
    nop
    int3
.Lby_unwind:
    NOTE    "landed, rax %lX", eax
    mov     eax, 1
    LEAVE   0x28
    END

    FUNCTION by_unwind_ex, seeing
    ENTER   0x38 + CONTEXT_SIZE
    mov     rcx, [rip + target_frame]
    lea     rdx, [rip + .Lby_unwind_ex]
    xor     r8d, r8d
    mov     r9d, 0xABC
    lea     rax, [rsp + 0x30]
    mov     [rsp + 0x20], rax
    mov     qword ptr [rsp + 0x28], 0
    call    RtlUnwindEx
.Lbehind_unwind_ex:
    int3
    END

    FUNCTION by_unwind, seeing
    ENTER   0x28
    mov     rcx, [rip + target_frame]
    lea     rdx, [rip + .Lby_unwind]
    xor     r8d, r8d
    mov     r9d, 0xDEF
    call    RtlUnwind
.Lbehind_unwind:
    int3
    END

    FUNCTION seeing
    ENTER   0x28
    mov     rax, [rcx + RECORD_ADDRESS]
    xor     r9d, r9d
    mov     r10, [r8 + CONTEXT_RAX]
    xor     r8d, r8d
    lea     r11, [rip + .Lbehind_unwind_ex]
    cmp     rax, r11
    sete    r9b
    cmp     r10, 0xABC
    sete    r8b
    lea     r11, [rip + .Lbehind_unwind]
    cmp     rax, r11
    sete    al
    or      r9b, al
    cmp     r10, 0xDEF
    sete    al
    or      r8b, al
    NOTE    "handler %08lX, rax is the value: %d, address is behind the call: %d", [rcx+RECORD_CODE], r8d, r9d
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x28
    END

    PASSING_HANDLER passing

/* expect
handler C0000027, rax is the value: 1, address is behind the call: 1
handler passing C0000027, flags 22
landed, rax ABC
handler C0000027, rax is the value: 1, address is behind the call: 1
handler passing C0000027, flags 22
landed, rax DEF
returned 1
*/

/* expect wine: handlers are not shown the value, and the record's address lies in RtlUnwindEx
handler C0000027, rax is the value: 0, address is behind the call: 0
handler passing C0000027, flags 22
landed, rax ABC
handler C0000027, rax is the value: 0, address is behind the call: 0
handler passing C0000027, flags 22
landed, rax DEF
returned 1
*/

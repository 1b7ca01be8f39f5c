// SPDX-License-Identifier: MIT
// An unwind that a program asks for itself, of a record of its own: what handlers see of its flags and its code on the
// way and at the target frame; and once more after it collides with another, whose handler jumps in the same way.
#include "program.inc"

    .data
    .balign 16
record:
    .zero   RECORD_SIZE
target_frame:
    .quad   0
jump_again:
    .long   0

    .macro  UNWIND target, code
    lea     r8, [rip + record]
    mov     dword ptr [r8 + RECORD_CODE], \code
    mov     dword ptr [r8 + RECORD_FLAGS], 0x81
    mov     rcx, [rip + target_frame]
    lea     rdx, [rip + \target]
    mov     r9d, 0x1234
    lea     rax, [rsp + 0x30]       // room of this unwind's own: handlers are shown the context in it
    mov     [rsp + 0x20], rax
    mov     qword ptr [rsp + 0x28], 0
    call    RtlUnwindEx
    int3
    .endm

    FUNCTION flags_of_unwind, of_target
    ENTER   0x28
    mov     [rip + target_frame], rsp
    call    middle
    int3
.Llanded:
    NOTE    "landed, rax %lX, record %08lX", eax, [rip+record]
    mov     dword ptr [rip + jump_again], 1
    call    middle
    int3
.Llanded_again:
    NOTE    "landed again, rax %lX", eax
    mov     eax, 1
    LEAVE   0x28
    END

    CALLING_FRAME middle, jumping, of_middle

    FUNCTION jumping, of_jumping
    ENTER   0x38 + CONTEXT_SIZE
    UNWIND  .Llanded, 0xE0000001
    END

    FUNCTION of_jumping
    ENTER   0x38 + CONTEXT_SIZE
    NOTE    "handler of_jumping %08lX, flags %02lX", [rcx + RECORD_CODE], [rcx + RECORD_FLAGS]
    cmp     dword ptr [rip + jump_again], 1
    jne     .Lpass
    mov     dword ptr [rip + jump_again], 2
    UNWIND  .Llanded_again, 0xE0000002
.Lpass:
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x38 + CONTEXT_SIZE
    END

    PASSING_HANDLER of_middle
    PASSING_HANDLER of_target

/* expect
handler of_jumping E0000001, flags 02
handler of_middle E0000001, flags 02
handler of_target E0000001, flags 22
landed, rax 1234, record C0000027
handler of_jumping E0000001, flags 02
handler of_jumping E0000002, flags 42
handler of_middle E0000002, flags 02
handler of_target E0000002, flags 22
landed again, rax 1234
returned 1
*/

/* expect wine: its unwind keeps the record's flags beside its own, and the record's code
handler of_jumping E0000001, flags 83
handler of_middle E0000001, flags 83
handler of_target E0000001, flags A3
landed, rax 1234, record E0000001
handler of_jumping E0000001, flags 83
handler of_jumping E0000002, flags C3
handler of_middle E0000002, flags 83
handler of_target E0000002, flags A3
landed again, rax 1234
returned 1
*/

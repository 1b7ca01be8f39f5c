// SPDX-License-Identifier: MIT
// A function table entry whose unwind data has bit 0 set names another entry, as of a function that was split: that
// one is what handlers get to see, and by whose begin the place in the prologue is known.
#include "program.inc"

    FUNCTION indirect_entry, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    split
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT_ALWAYS .Lbegin, .Lend, .Lexcept
    END

    .text
    .balign 16, 0xCC
split:
    push    rbx
.Lpushed:
    sub     rsp, 0x20
.Lallocated:
    jmp     .Lother_part
split_end:
    .fill   16, 1, 0xCC
.Lother_part:
    mov     byte ptr [0x10], 0
    int3
other_part_end:

    .section .pdata, "dr"
    .long   split@IMGREL, split_end@IMGREL, split_unwind@IMGREL
    .long   .Lother_part@IMGREL, other_part_end@IMGREL, whole_entry@IMGREL + 1

    .section .xdata, "dr"
    .balign 4
whole_entry:
    .long   split@IMGREL, other_part_end@IMGREL, split_unwind@IMGREL
split_unwind:
    .byte   1 | 3 << 3, .Lallocated - split, 2, 0
    .byte   .Lallocated - split, 0x32
    .byte   .Lpushed - split, 0x30
    .long   seeing@IMGREL

    FUNCTION seeing
    ENTER   0x28
    mov     r10, [r9 + DISPATCHER_FUNCTION_ENTRY]
    lea     r11, [rip + whole_entry]
    xor     eax, eax
    cmp     r10, r11
    sete    al
    NOTE    "flags %02lX, function entry is the one named: %d", [rcx + RECORD_FLAGS], eax
    mov     eax, CONTINUE_SEARCH
    LEAVE   0x28
    END

/* expect
flags 00, function entry is the one named: 1
flags 02, function entry is the one named: 1
except
returned 1
*/

// SPDX-License-Identifier: MIT
// A fragment of a function with a frame register: the register was set up long before, by the first fragment, so that
// the frame is found by it even at the first instruction of the fragment's own prologue, wherever RSP is by then.
#include "program.inc"
#include "stepping.inc"

    .set CHAININFO, 4 << 3
    .set RBP, 5
    .set UWOP_SAVE_NONVOL, 4
    .set RSI, 6

    .data
    .balign 8
frame:
    .quad   0

    FUNCTION step_chained_frame_register
    ENTER   0x20, rdi
    STEP    framed
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    FUNCTION framed, stepped_in_frame
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     [rip + frame], rsp
    sub     rsp, 0x100
    jmp     fragment
.Lback:
    lea     rsp, [rbp + 0x20]
    pop     rbp
    ret
framed_end:
    END

fragment:
    mov     [rbp + 8], rsi
.Lsaved:
    xor     esi, esi
    sub     rsp, 0x200
    mov     rsi, [rbp + 8]
    jmp     .Lback
fragment_end:

    .section .pdata, "dr"
    .long   fragment@IMGREL, fragment_end@IMGREL, fragment_unwind@IMGREL
    .section .xdata, "dr"
    .balign 4
fragment_unwind:
    .byte   1 | CHAININFO, .Lsaved - fragment, 2, RBP | 2 << 4
    .byte   .Lsaved - fragment, UWOP_SAVE_NONVOL | RSI << 4
    .short  (0x20 + 8) / 8
    .long   framed@IMGREL, framed_end@IMGREL, framed_unwind@IMGREL
framed_unwind:
    .byte   1 | 3 << 3, 10, 3, RBP | 2 << 4
    .byte   10, 0x03, 5, 0x72, 1, 0x50      // SET_FPREG, ALLOC_SMALL 40h, PUSH_NONVOL rbp
    .short  0
    .long   stepped_in_frame@IMGREL

// As `stepped`, where the frame is the right one.
    FUNCTION stepped_in_frame
    .seh_endprologue
    cmp     rdx, [rip + frame]
    jne     .Lpass
    mov     byte ptr [rip + stepped_handler_ran], 1
.Lpass:
    mov     eax, CONTINUE_SEARCH
    ret
    END

/* expect
framed ....HHHHHHH....
returned 0
*/

/* expect wine: it takes the popped frame register for the frame in an epilogue, which is then not on the stack
*/

// SPDX-License-Identifier: MIT
// A single step at every instruction of functions that save registers by moves, in prologues with each code that says
// so, the forms with a 32-bit offset included. Those are for frames beyond what an assembler would choose them for
// here, so that unwind data is written by hand.
#include "program.inc"
#include "stepping.inc"

    .set UWOP_ALLOC_LARGE, 1
    .set UWOP_SAVE_NONVOL, 4
    .set UWOP_SAVE_NONVOL_FAR, 5
    .set UWOP_SAVE_XMM128_FAR, 9
    .set RBX, 3
    .set RDI, 7

    FUNCTION step_saves
    ENTER   0x20, rdi
    STEP    moved
    STEP    moved_above_the_frame
    STEP    far_forms
    xor     eax, eax
    LEAVE   0x20, rdi
    END

    FUNCTION moved, stepped
    sub     rsp, 0x208
    .seh_stackalloc 0x208
    mov     [rsp + 0x1F8], rbx
    .seh_savereg rbx, 0x1F8
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    mov     [rsp + 0x30], r15
    .seh_savereg r15, 0x30
    movaps  [rsp + 0x1E0], xmm15
    .seh_savexmm xmm15, 0x1E0
    .seh_endprologue
    xor     ebx, ebx
    xorps   xmm6, xmm6
    xor     r15d, r15d
    xorps   xmm15, xmm15
    movaps  xmm15, [rsp + 0x1E0]
    mov     r15, [rsp + 0x30]
    movaps  xmm6, [rsp + 0x20]
    mov     rbx, [rsp + 0x1F8]
    add     rsp, 0x208
    ret
    END

// Into the home space of the caller, as MSVC does before it makes the frame.
    FUNCTION moved_above_the_frame, stepped
    mov     [rsp + 8], rbx
    push    rdi
    .seh_pushreg rdi
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_savereg rbx, 0x30
    .seh_endprologue
    xor     ebx, ebx
    xor     edi, edi
    mov     rbx, [rsp + 0x30]
    add     rsp, 0x20
    pop     rdi
    ret
    END

    .text
    .balign 16, 0xCC
far_forms:
    sub     rsp, 0x118
.Lallocated:
    mov     [rsp + 0x100], rbx
.Lsaved_rbx:
    movaps  [rsp + 0x40], xmm7
.Lsaved_xmm7:
    mov     [rsp + 0x20], rdi
.Lsaved_rdi:
    xor     ebx, ebx
    xorps   xmm7, xmm7
    xor     edi, edi
    mov     rdi, [rsp + 0x20]
    movaps  xmm7, [rsp + 0x40]
    mov     rbx, [rsp + 0x100]
    add     rsp, 0x118
    ret
far_forms_end:

    .macro  CODE at, operation, information
    .byte   \at - far_forms, \operation | \information << 4
    .endm

    .section .pdata, "dr"
    .long   far_forms@IMGREL, far_forms_end@IMGREL, far_forms_unwind@IMGREL
    .section .xdata, "dr"
    .balign 4
far_forms_unwind:
    .byte   1 | 3 << 3, .Lsaved_rdi - far_forms, 11, 0
    CODE    .Lsaved_rdi, UWOP_SAVE_NONVOL, RDI
    .short  0x20 / 8
    CODE    .Lsaved_xmm7, UWOP_SAVE_XMM128_FAR, 7
    .long   0x40
    CODE    .Lsaved_rbx, UWOP_SAVE_NONVOL_FAR, RBX
    .long   0x100
    CODE    .Lallocated, UWOP_ALLOC_LARGE, 1
    .long   0x118
    .short  0
    .long   stepped@IMGREL

/* expect
moved .....HHHHHHHH...
moved_above_the_frame ...HHH....
far_forms ....HHHHHH...
returned 0
*/

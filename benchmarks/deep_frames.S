// SPDX-License-Identifier: MIT
// A recursion of frames of 16 bytes: rcx levels down, then a fault.

    .intel_syntax noprefix
    .text

    .globl  deep_frames
    .seh_proc deep_frames
deep_frames:
    push    rbx
    .seh_pushreg rbx
    .seh_endprologue
    dec     rcx
    jz      .Lbottom
    call    deep_frames
    nop
    pop     rbx
    ret
.Lbottom:
    mov     al, [rcx]               // the null page
    nop
    pop     rbx
    ret
    .seh_endproc

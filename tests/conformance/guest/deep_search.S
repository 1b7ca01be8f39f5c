// SPDX-License-Identifier: MIT
// deep_search(pairs): an int3 below twice so many frames, for which the one filter above them has it continue at the
// int3 again: a few blocks of guest code, and a search of every frame, for ever.

    .intel_syntax noprefix
    .text

    .globl  deep_search
    .seh_proc deep_search
    .seh_handler __C_specific_handler, @except
deep_search:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lbegin:
    call    break_below_frames
    nop
.Lend:
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL, .Lend@IMGREL, continue_execution@IMGREL, .Lend@IMGREL
    .text
    .seh_endproc

// Leaf functions as far as the function table goes: each return address that is pushed is a frame.
break_below_frames:
    lea     rax, [rip + .Lone]
    lea     rdx, [rip + .Lother]
.Lpush:
    push    rax
    push    rdx
    dec     ecx
    jnz     .Lpush
.Lone:
    int3
.Lother:
    int3

continue_execution:
    mov     eax, -1
    ret

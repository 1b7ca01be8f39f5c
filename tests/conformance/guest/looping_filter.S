// SPDX-License-Identifier: MIT
// Routines that read the byte at rcx in a __try of which one part never ends.

    .intel_syntax noprefix
    .text

    .macro GUARDED name, filter, target
    .globl  \name
    .seh_proc \name
    .seh_handler __C_specific_handler, @unwind, @except
\name:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.L\name\()_begin:
    movzx   eax, byte ptr [rcx]
.L\name\()_end:
    add     rsp, 0x28
    ret
.L\name\()_landing:
    call    spin
    int3
    .seh_handlerdata
    .long   1
    .long   .L\name\()_begin@IMGREL
    .long   .L\name\()_end@IMGREL
    .long   \filter
    .long   \target
    .text
    .seh_endproc
    .endm

    GUARDED looping_filter_call, spin@IMGREL, .Llooping_filter_call_landing@IMGREL
    GUARDED looping_finally_call, spin@IMGREL, 0
    GUARDED looping_except_call, 1, .Llooping_except_call_landing@IMGREL

    .globl  spin
spin:
    jmp     spin

// abandoning_call(pointer, count): a fault in a loop, and a filter that goes on behind it by taking its frame's RSP
// itself instead of answering. The search that called it is never heard of again. Returns how often it went round.
    .globl  abandoning_call
    .seh_proc abandoning_call
    .seh_handler __C_specific_handler, @unwind, @except
abandoning_call:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    .seh_endprologue
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], rdx
    mov     qword ptr [rsp + 0x30], 0
.Labandoned:
    inc     qword ptr [rsp + 0x30]
    mov     rax, [rsp + 0x30]
    cmp     rax, [rsp + 0x28]
    je      .Labandon_done
    mov     rcx, [rsp + 0x20]
.Labandon_begin:
    movzx   eax, byte ptr [rcx]
.Labandon_end:
    nop
.Labandon_done:
    add     rsp, 0x40
    pop     rbx
    ret
    .seh_handlerdata
    .long   1
    .long   .Labandon_begin@IMGREL
    .long   .Labandon_end@IMGREL
    .long   abandoning_filter@IMGREL
    .long   .Labandon_end@IMGREL
    .text
    .seh_endproc

abandoning_filter:
    mov     rsp, rdx
    jmp     .Labandoned

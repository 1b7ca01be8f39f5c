// SPDX-License-Identifier: MIT
// Frames of many kinds, to be called one from the other in any order: each calls the first function of the list in rcx
// with the rest of the list. Those named fault_ are for the end of it.

    .intel_syntax noprefix
    .text

    .macro CALL_NEXT
    mov     rax, [rcx]
    add     rcx, 8
    call    rax
    .endm

    .macro BEGIN name
    .globl  \name
    .seh_proc \name
    .endm

BEGIN saves_by_push
saves_by_push:
    push    rbx
    .seh_pushreg rbx
    push    rsi
    .seh_pushreg rsi
    push    r15
    .seh_pushreg r15
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     ebx, 0xB
    mov     esi, 0x51
    mov     r15d, 0x15
    CALL_NEXT
    add     rsp, 0x20
    pop     r15
    pop     rsi
    pop     rbx
    ret
    .seh_endproc

BEGIN saves_by_move
saves_by_move:
    sub     rsp, 0x68
    .seh_stackalloc 0x68
    mov     [rsp + 0x58], rdi
    .seh_savereg rdi, 0x58
    mov     [rsp + 0x50], r13
    .seh_savereg r13, 0x50
    movaps  [rsp + 0x30], xmm7
    .seh_savexmm xmm7, 0x30
    movaps  [rsp + 0x20], xmm14
    .seh_savexmm xmm14, 0x20
    .seh_endprologue
    mov     edi, 0xD1
    mov     r13d, 0x13
    pcmpeqd xmm7, xmm7
    movdqa  xmm14, xmm7
    CALL_NEXT
    movaps  xmm14, [rsp + 0x20]
    movaps  xmm7, [rsp + 0x30]
    mov     r13, [rsp + 0x50]
    mov     rdi, [rsp + 0x58]
    add     rsp, 0x68
    ret
    .seh_endproc

BEGIN large_frame
large_frame:
    sub     rsp, 0xC08
    .seh_stackalloc 0xC08
    .seh_endprologue
    CALL_NEXT
    add     rsp, 0xC08
    ret
    .seh_endproc

BEGIN frame_pointer
frame_pointer:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     rax, rcx
    and     eax, 0xF0           // an alloca of a size that only the frame pointer knows
    sub     rsp, rax
    CALL_NEXT
    lea     rsp, [rbp + 0x20]
    pop     rbp
    ret
    .seh_endproc

// __try { next } __except (1) { } and the same again: an exception in the chain ends here once a level.
BEGIN catches
    .seh_handler __C_specific_handler, @unwind, @except
catches:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     rbx, rcx
.Lcatches_begin:
    CALL_NEXT
    nop
.Lcatches_end:
    xor     eax, eax
.Lcatches_out:
    add     rsp, 0x20
    pop     rbx
    ret
.Lcatches_landing:
    jmp     .Lcatches_out
    .seh_handlerdata
    .long   1
    .long   .Lcatches_begin@IMGREL, .Lcatches_end@IMGREL, 1, .Lcatches_landing@IMGREL
    .text
    .seh_endproc

// Scopes that hold the call, but the first constant one is not the first in the table; and an __except within whose
// block the landing lies in an outer scope.
BEGIN catches_within
    .seh_handler __C_specific_handler, @unwind, @except
catches_within:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lwithin_outer:
    nop
.Lwithin_other:
    nop
.Lwithin_begin:
    CALL_NEXT
    nop
.Lwithin_end:
    add     rsp, 0x28
    ret
.Lwithin_landing:
    xor     ecx, ecx
    mov     ecx, [rcx]          // faults in its turn: the outer scope takes it
    nop
.Lwithin_outer_end:
    add     rsp, 0x28
    ret
.Lwithin_outer_landing:
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   3
    .long   .Lwithin_other@IMGREL, .Lwithin_begin@IMGREL, 1, .Lwithin_outer_landing@IMGREL
    .long   .Lwithin_begin@IMGREL, .Lwithin_end@IMGREL, 1, .Lwithin_landing@IMGREL
    .long   .Lwithin_outer@IMGREL, .Lwithin_outer_end@IMGREL, 1, .Lwithin_outer_landing@IMGREL
    .text
    .seh_endproc

// The call lies in no scope of the table.
BEGIN calls_outside_its_try
    .seh_handler __C_specific_handler, @unwind, @except
calls_outside_its_try:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Loutside_begin:
    nop
.Loutside_end:
    CALL_NEXT
    nop
    add     rsp, 0x28
    ret
.Loutside_landing:
    int3
    .seh_handlerdata
    .long   1
    .long   .Loutside_begin@IMGREL, .Loutside_end@IMGREL, 1, .Loutside_landing@IMGREL
    .text
    .seh_endproc

// __try { next } __finally { finally_runs = 1 }
BEGIN cleans_up
    .seh_handler __C_specific_handler, @unwind, @except
cleans_up:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lcleans_begin:
    CALL_NEXT
    nop
.Lcleans_end:
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   1
    .long   .Lcleans_begin@IMGREL, .Lcleans_end@IMGREL, finally@IMGREL, 0
    .text
    .seh_endproc

finally:
    inc     dword ptr [rip + finally_runs]
    ret

// __try { __try { next } __finally { } } __except (1) { } in one function: the frame is left, and landed in.
BEGIN cleans_up_and_catches
    .seh_handler __C_specific_handler, @unwind, @except
cleans_up_and_catches:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lboth_begin:
    CALL_NEXT
    nop
.Lboth_end:
    add     rsp, 0x28
    ret
.Lboth_landing:
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   2
    .long   .Lboth_begin@IMGREL, .Lboth_end@IMGREL, finally@IMGREL, 0
    .long   .Lboth_begin@IMGREL, .Lboth_end@IMGREL, 1, .Lboth_landing@IMGREL
    .text
    .seh_endproc

// A filter that is code: it refuses.
BEGIN filters
    .seh_handler __C_specific_handler, @unwind, @except
filters:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lfilters_begin:
    CALL_NEXT
    nop
.Lfilters_end:
    add     rsp, 0x28
    ret
.Lfilters_landing:
    int3
    .seh_handlerdata
    .long   1
    .long   .Lfilters_begin@IMGREL, .Lfilters_end@IMGREL, refuse@IMGREL, .Lfilters_landing@IMGREL
    .text
    .seh_endproc

refuse:
    xor     eax, eax
    ret

// The handler is in the table for the unwind phase alone.
BEGIN unwind_handler_only
    .seh_handler __C_specific_handler, @unwind
unwind_handler_only:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lonly_begin:
    CALL_NEXT
    nop
.Lonly_end:
    add     rsp, 0x28
    ret
.Lonly_landing:
    int3
    .seh_handlerdata
    .long   1
    .long   .Lonly_begin@IMGREL, .Lonly_end@IMGREL, 1, .Lonly_landing@IMGREL
    .text
    .seh_endproc

// Leaves, which have no unwind data.
    .globl  fault_read
fault_read:
    mov     rax, [0x1230]
    ret

    .globl  fault_write
fault_write:
    mov     [0x1230], rsp
    ret

    .globl  fault_divide
fault_divide:
    xor     ecx, ecx
    div     ecx
    ret

    .globl  fault_opcode
fault_opcode:
    ud2

    .globl  fault_breakpoint
fault_breakpoint:
    int3
    ret

    .globl  fault_non_canonical
fault_non_canonical:
    movabs  rax, 0x8000000000000000
    mov     rax, [rax]
    ret

// In a prologue that is half done, and in an epilogue.
BEGIN fault_in_prologue
fault_in_prologue:
    push    rbx
    .seh_pushreg rbx
    mov     ebx, 0xBB
    mov     rax, [0x1230]
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

BEGIN fault_in_call
fault_in_call:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     eax, 0x1230
    call    rax
    add     rsp, 0x28
    ret
    .seh_endproc

    .globl  no_fault
no_fault:
    mov     eax, 0x600D
    ret

    .data
    .globl  finally_runs
    .balign 4
finally_runs:
    .long   0

// SPDX-License-Identifier: MIT
// A stack of frames, one of every kind that a dispatch or an unwind passes, around a call that the plan chooses. What
// their filters, __finally blocks and handlers do is in plan.c.

    .intel_syntax noprefix

    .set PLAN_TARGET, 0
    .set PLAN_ARGUMENTS, 8
    .set DEFAULT_COOKIE, 0x00002B992DDFA232

    .macro LANDS
    mov     eax, 0x1A4D
    .endm

    .text

// __except with a filter, around everything.
    .globl  enter
    .seh_proc enter
    .seh_handler __C_specific_handler, @unwind, @except
enter:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x30
    .seh_stackalloc 0x30
    .seh_endprologue
.Lenter_begin:
    call    guarded_frame
    nop
.Lenter_end:
    add     rsp, 0x30
    pop     rbx
    ret
.Lenter_landing:
    LANDS
    add     rsp, 0x30
    pop     rbx
    ret
    .seh_handlerdata
    .long   2
    .long   .Lenter_begin@IMGREL, .Lenter_end@IMGREL, filter@IMGREL, .Lenter_landing@IMGREL
    .long   .Lenter_begin@IMGREL, .Lenter_end@IMGREL, 1, .Lenter_landing@IMGREL
    .text
    .seh_endproc

// A stack cookie above a scope table.
    .globl  guarded_frame
    .seh_proc guarded_frame
    .seh_handler __GSHandlerCheck_SEH, @unwind, @except
guarded_frame:
    sub     rsp, 0x48
    .seh_stackalloc 0x48
    .seh_endprologue
    movabs  rax, offset DEFAULT_COOKIE
    xor     rax, rsp
    mov     [rsp + 0x30], rax
.Lguarded_begin:
    call    handled_frame
    nop
.Lguarded_end:
    add     rsp, 0x48
    ret
    .seh_handlerdata
    .long   1
    .long   .Lguarded_begin@IMGREL, .Lguarded_end@IMGREL, finally@IMGREL, 0
    .long   0x33
    .text
    .seh_endproc

// A language handler of the guest's own, with a scope table that it may pass on.
    .globl  handled_frame
    .seh_proc handled_frame
    .seh_handler handler, @unwind, @except
handled_frame:
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    sub     rsp, 0x48
    .seh_stackalloc 0x48
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    .seh_endprologue
.Lhandled_begin:
    call    framed
    nop
.Lhandled_end:
    movaps  xmm6, [rsp + 0x20]
    add     rsp, 0x48
    pop     rdi
    pop     rsi
    ret
    .seh_handlerdata
    .long   1
    .long   .Lhandled_begin@IMGREL, .Lhandled_end@IMGREL, filter@IMGREL, .Lhandled_end@IMGREL
    .text
    .seh_endproc

// A frame register, a stack that grows after the prologue, and scopes within scopes.
    .globl  framed
    .seh_proc framed
    .seh_handler __C_specific_handler, @unwind, @except
framed:
    push    rbp
    .seh_pushreg rbp
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x68
    .seh_stackalloc 0x68
    lea     rbp, [rsp + 0x40]
    .seh_setframe rbp, 0x40
    .seh_endprologue
    sub     rsp, 0x100
.Lframed_begin:
    call    aligned_frame
    nop
.Lframed_end:
    lea     rsp, [rbp + 0x28]
    pop     rbx
    pop     rbp
    ret
.Lframed_landing:
    LANDS
    jmp     .Lframed_end
    .seh_handlerdata
    .long   3
    .long   .Lframed_begin@IMGREL, .Lframed_end@IMGREL, finally@IMGREL, 0
    .long   .Lframed_begin@IMGREL, .Lframed_end@IMGREL, filter@IMGREL, .Lframed_landing@IMGREL
    .long   .Lframed_begin@IMGREL, .Lframed_end@IMGREL, finally@IMGREL, 0
    .text
    .seh_endproc

// A cookie alone, in a frame that says it is aligned.
    .globl  aligned_frame
    .seh_proc aligned_frame
    .seh_handler __GSHandlerCheck, @unwind, @except
aligned_frame:
    sub     rsp, 0x48
    .seh_stackalloc 0x48
    .seh_endprologue
    movabs  rax, offset DEFAULT_COOKIE
    xor     rax, rsp
    lea     rcx, [rsp + 0x20]
    and     rcx, -16
    mov     [rcx + 0x10], rax
    call    inner
    nop
    add     rsp, 0x48
    ret
    .seh_handlerdata
    .long   0x17, 0x20, 0x10
    .text
    .seh_endproc

// inner: calls what the plan names, with eight arguments.
    .globl  inner
    .seh_proc inner
    .seh_handler __C_specific_handler, @unwind
inner:
    sub     rsp, 0x48
    .seh_stackalloc 0x48
    .seh_endprologue
    lea     r10, [rip + plan]
    .irp    index, 4, 5, 6, 7
    mov     rax, [r10 + PLAN_ARGUMENTS + 8 * \index]
    mov     [rsp + 8 * \index], rax
    .endr
    mov     rcx, [r10 + PLAN_ARGUMENTS]
    mov     rdx, [r10 + PLAN_ARGUMENTS + 0x08]
    mov     r8, [r10 + PLAN_ARGUMENTS + 0x10]
    mov     r9, [r10 + PLAN_ARGUMENTS + 0x18]
.Linner_begin:
    call    [r10 + PLAN_TARGET]
    nop
.Linner_end:
    add     rsp, 0x48
    ret
    .seh_handlerdata
    .long   1
    .long   .Linner_begin@IMGREL, .Linner_end@IMGREL, finally@IMGREL, 0
    .text
    .seh_endproc

// What inner may call.

    .globl  read_byte
read_byte:
    movzx   eax, byte ptr [rcx]
    ret

    .globl  read_in_frames
    .seh_proc read_in_frames
read_in_frames:
    push    r12
    .seh_pushreg r12
    sub     rsp, 0x1020
    .seh_stackalloc 0x1020
    .seh_endprologue
    movzx   eax, byte ptr [rcx]
    add     rsp, 0x1020
    pop     r12
    ret
    .seh_endproc

    .globl  fault_in_epilogue
    .seh_proc fault_in_epilogue
fault_in_epilogue:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    add     rsp, 0x20
    lea     rsp, [rcx]
    pop     rbx
    ret
    .seh_endproc

    .globl  trapped
    .seh_proc trapped
trapped:
    .seh_pushframe
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    movzx   eax, byte ptr [rcx]
    add     rsp, 0x28
    iretq
    .seh_endproc

// Where an input puts code of its own, as the target, a filter, a __finally block or a handler.
    .globl  own_code
    .seh_proc own_code
own_code:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    .fill   0x100, 1, 0x90
    xor     eax, eax
    add     rsp, 0x28
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Frames whose every register is known, around a callee that raises. Build and look at one by hand:
//     python -c "from emu import build_guest; print(build_guest(['frames.S', 'observer.c']))"
//
// observed_call(report, target, argument): target(argument) in a __try whose filter is observed_filter. The
// report (observer.c has its fields) is at RSP + 20h, where the filter finds it from the establisher frame.

    .intel_syntax noprefix

    .set REPORT_LANDING, 0x30
    .set REPORT_BODY_RSP, 0x90
    .set REPORT_LANDING_XMM, 0xA0
    .set REPORT_INPUTS, 0x800
    .set REPORT_INPUTS_XMM, 0x840
    .set REPORT_RESULT, 0x8E0
    .set LANDED, 0x1A4D

    .set HELD_REPORT, 0x20
    .set SAVED_XMM, 0x30
    .set FRAME, 0xE8

    .macro SAVE_EVERYTHING
    .irp name, rbp, rbx, rsi, rdi, r12, r13, r14, r15
    push    \name
    .seh_pushreg \name
    .endr
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps  [rsp + SAVED_XMM + (\number - 6) * 16], xmm\number
    .seh_savexmm xmm\number, SAVED_XMM + (\number - 6) * 16
    .endr
    .seh_endprologue
    .endm

    .macro RESTORE_EVERYTHING
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps  xmm\number, [rsp + SAVED_XMM + (\number - 6) * 16]
    .endr
    add     rsp, FRAME
    .irp name, r15, r14, r13, r12, rdi, rsi, rbx, rbp
    pop     \name
    .endr
    ret
    .endm

    .macro STORE_NONVOLATILES at, at_xmm
    .set POSITION, \at
    .irp name, rbx, rbp, rsi, rdi, r12, r13, r14, r15
    mov     [r10 + POSITION], \name
    .set POSITION, POSITION + 8
    .endr
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups  [r10 + \at_xmm + (\number - 6) * 16], xmm\number
    .endr
    .endm

    .macro LOAD_NONVOLATILES at, at_xmm
    .set POSITION, \at
    .irp name, rbx, rbp, rsi, rdi, r12, r13, r14, r15
    mov     \name, [r10 + POSITION]
    .set POSITION, POSITION + 8
    .endr
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups  xmm\number, [r10 + \at_xmm + (\number - 6) * 16]
    .endr
    .endm

// The body of both kinds of caller: between the two labels the callee runs, and behind the second one lands.
    .macro CALLER_BODY
    mov     [rsp + HELD_REPORT], rcx
    mov     [rcx + REPORT_BODY_RSP], rsp
    mov     r10, rcx
    mov     rax, rdx
    mov     rcx, r8
    LOAD_NONVOLATILES REPORT_INPUTS, REPORT_INPUTS_XMM
.Lbegin\@:
    call    rax
    nop
.Lend\@:
    mov     r10, [rsp + HELD_REPORT]
    mov     [r10 + REPORT_RESULT], rax
.Lexit\@:
    RESTORE_EVERYTHING
.Llanding\@:
    mov     r10, [rsp + HELD_REPORT]
    mov     [r10 + REPORT_LANDING], rax
    mov     [r10 + REPORT_LANDING + 8], rsp
    pushfq
    pop     rax
    mov     [r10 + REPORT_LANDING + 0x10], rax
    STORE_NONVOLATILES REPORT_LANDING + 0x18, REPORT_LANDING_XMM
    mov     eax, LANDED
    jmp     .Lexit\@
    .seh_handlerdata
    .long   1
    .long   .Lbegin\@@IMGREL
    .long   .Lend\@@IMGREL
    .long   observed_filter@IMGREL
    .long   .Llanding\@@IMGREL
    .text
    .endm

    .text

    .globl  observed_call
    .seh_proc observed_call
    .seh_handler __C_specific_handler, @unwind, @except
observed_call:
    SAVE_EVERYTHING
    CALLER_BODY
    .seh_endproc

// The same frame under a language handler of the guest's own. Its data is a scope table all the same.
    .globl  handled_call
    .seh_proc handled_call
    .seh_handler recording_handler, @unwind, @except
handled_call:
    SAVE_EVERYTHING
    CALLER_BODY
    .seh_endproc

    .globl  passing_call
    .seh_proc passing_call
    .seh_handler passing_handler, @unwind, @except
passing_call:
    SAVE_EVERYTHING
    CALLER_BODY
    .seh_endproc

// A handler that is no more than a jump to the kernel's own.
    .globl  jumping_call
    .seh_proc jumping_call
    .seh_handler jumping_handler, @unwind, @except
jumping_call:
    SAVE_EVERYTHING
    CALLER_BODY
    .seh_endproc

    .globl  jumping_handler
jumping_handler:
    jmp     [rip + __imp___C_specific_handler]

// finally_call(report, target, argument): target(argument) in a __try whose __finally is observed_finally.
    .globl  finally_call
    .seh_proc finally_call
    .seh_handler __C_specific_handler, @unwind, @except
finally_call:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     [rsp + HELD_REPORT], rcx
    mov     rax, rdx
    mov     rcx, r8
.Lfinally_begin:
    call    rax
    nop
.Lfinally_end:
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   1
    .long   .Lfinally_begin@IMGREL
    .long   .Lfinally_end@IMGREL
    .long   observed_finally@IMGREL
    .long   0
    .text
    .seh_endproc

// finally_within(report, target, argument): the same inside observed_call, by way of the report's inputs: none needed,
// as the argument goes on to finally_call in a structure {report, target, argument}.
    .globl  call_with_finally
    .seh_proc call_with_finally
call_with_finally:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     r8, [rcx + 0x10]
    mov     rdx, [rcx + 0x08]
    mov     rcx, [rcx]
    call    finally_call
    nop
    add     rsp, 0x28
    ret
    .seh_endproc

// What observed_call calls. rcx = a pointer.

    .globl  read_byte
read_byte:
    movzx   eax, byte ptr [rcx]
    ret

    .globl  write_byte
write_byte:
    mov     byte ptr [rcx], 0x5A
    ret

    .globl  jump_to
jump_to:
    jmp     rcx

    .globl  write_quadword
write_quadword:
    mov     rax, 0x1122334455667788
    mov     [rcx], rax
    ret

// Everything that a function may not change is changed where the fault is.
    .globl  clobber_and_read
    .seh_proc clobber_and_read
clobber_and_read:
    SAVE_EVERYTHING
    mov     r9, rcx
    mov     rax, 0xBADBADBADBADBAD
    .irp name, rbp, rbx, rsi, rdi, r12, r13, r14, r15
    mov     \name, rax
    .endr
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pcmpeqd xmm\number, xmm\number
    .endr
    std
    movzx   eax, byte ptr [r9]
    cld
    RESTORE_EVERYTHING
    .seh_endproc

// A frame register, in the middle of the frame, and a stack that grows after the prologue.
    .globl  framed_read
    .seh_proc framed_read
framed_read:
    push    rbp
    .seh_pushreg rbp
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x68
    .seh_stackalloc 0x68
    lea     rbp, [rsp + 0x40]
    .seh_setframe rbp, 0x40
    .seh_endprologue
    mov     rbx, rcx
    sub     rsp, 0x100
    call    read_through_rbx
    lea     rsp, [rbp + 0x28]
    pop     rbx
    pop     rbp
    ret
    .seh_endproc

read_through_rbx:
    movzx   eax, byte ptr [rbx]
    ret

// A prologue that faults half-way: the argument replaces the stack probe of a large frame.
    .globl  fault_in_prologue
    .seh_proc fault_in_prologue
fault_in_prologue:
    push    rbx
    .seh_pushreg rbx
    push    rsi
    .seh_pushreg rsi
    movzx   ebx, byte ptr [rcx]
    sub     rsp, 0x88
    .seh_stackalloc 0x88
    .seh_endprologue
    mov     eax, ebx
    add     rsp, 0x88
    pop     rsi
    pop     rbx
    ret
    .seh_endproc

    .globl  fault_in_epilogue
    .seh_proc fault_in_epilogue
fault_in_epilogue:
    push    rbx
    .seh_pushreg rbx
    push    rsi
    .seh_pushreg rsi
    sub     rsp, 0x88
    .seh_stackalloc 0x88
    .seh_endprologue
    mov     rbx, 0x1234
    mov     rsi, 0x1234
    mov     [rsp + 0x90], rcx       // the saved rbx: the callee's caller would see it
    add     rsp, 0x88
    pop     rsi
    .globl  fault_in_epilogue_pop
fault_in_epilogue_pop:
    pop     rbx
    ret
    .seh_endproc

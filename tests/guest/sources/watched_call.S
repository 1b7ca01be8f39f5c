// SPDX-License-Identifier: MIT
// void WatchedCall(struct watch *watch);
//
// Calls a routine with every non-volatile register, RFLAGS and MXCSR loaded with values of the test's choice, in a
// __try of its own, and notes what they are when control comes back: by a return, or in the __except block.
// Nothing here is on the stack but what the prologue put there, so the frame is true at every instruction of the
// routine. With TF among the flags every instruction raises; the filter counts.

    .intel_syntax noprefix
    .text

// struct watch; tests/guest/watched_call.py has the same list.
    .set ROUTINE, 0x00
    .set ARGUMENTS, 0x08        // rcx, rdx, r8
    .set FLAGS_BEFORE, 0x20
    .set MXCSR_BEFORE, 0x28
    .set EXCEPTIONS, 0x30       // handle the how-manyth; those before it continue
    .set LANDED, 0x38           // 0: returned; else the exception's code
    .set FLAGS_AFTER, 0x40
    .set MXCSR_AFTER, 0x48
    .set RSP_BEFORE, 0x50
    .set RSP_AFTER, 0x58
    .set IRQL_AFTER, 0x60
    .set GENERAL, 0x68          // rbx rbp rsi rdi r12 r13 r14 r15
    .set GENERAL_AFTER, 0xA8
    .set XMM, 0xF0              // xmm6 to xmm15
    .set XMM_AFTER, 0x190

    .set CONTEXT_EFLAGS, 0x44
    .set CONTEXT_RIP, 0xF8
    .set TRAP_FLAG, 1 << 8
    .set EXECUTE_HANDLER, 1
    .set CONTINUE_EXECUTION, -1

// The frame: home space, the block's address, the caller's MXCSR, ten registers.
    .set BLOCK, 0x20
    .set CALLERS_MXCSR, 0x28
    .set SAVED_XMM, 0x30
    .set FRAME, 0xD8

    .globl  WatchedCall
    .globl  WatchedCallReturned
    .seh_proc WatchedCall
    .seh_handler __C_specific_handler, @unwind, @except
WatchedCall:
    .irp register, rbx, rbp, rsi, rdi, r12, r13, r14, r15
    push    \register
    .seh_pushreg \register
    .endr
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    .set at, SAVED_XMM
    .irp register, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15
    movaps  [rsp + at], \register
    .seh_savexmm \register, at
    .set at, at + 0x10
    .endr
    .seh_endprologue
    mov     [rsp + BLOCK], rcx
    stmxcsr [rsp + CALLERS_MXCSR]

    mov     rax, rcx
    mov     [rax + RSP_BEFORE], rsp
    .set at, XMM
    .irp register, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15
    movups  \register, [rax + at]
    .set at, at + 0x10
    .endr
    .set at, GENERAL
    .irp register, rbx, rbp, rsi, rdi, r12, r13, r14, r15
    mov     \register, [rax + at]
    .set at, at + 8
    .endr
    mov     rcx, [rax + ARGUMENTS]
    mov     rdx, [rax + ARGUMENTS + 8]
    mov     r8, [rax + ARGUMENTS + 0x10]
    ldmxcsr [rax + MXCSR_BEFORE]
    push    qword ptr [rax + FLAGS_BEFORE]
    popfq                       // with TF, the next instruction but one is the first that raises
WatchedCallTry:
    call    qword ptr [rax + ROUTINE]
WatchedCallReturned:
    mov     r11d, 0             // mov leaves the flags alone
    jmp     .Lnote
WatchedCallCaught:
    mov     r11d, eax
.Lnote:
    pushfq
    pop     r10
    cld
    mov     rax, [rsp + BLOCK]
    mov     [rax + LANDED], r11
    mov     [rax + FLAGS_AFTER], r10
    stmxcsr [rax + MXCSR_AFTER]
    mov     [rax + RSP_AFTER], rsp
    mov     r10, cr8
    mov     [rax + IRQL_AFTER], r10
    .set at, GENERAL_AFTER
    .irp register, rbx, rbp, rsi, rdi, r12, r13, r14, r15
    mov     [rax + at], \register
    .set at, at + 8
    .endr
    .set at, XMM_AFTER
    .irp register, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15
    movups  [rax + at], \register
    .set at, at + 0x10
    .endr

    ldmxcsr [rsp + CALLERS_MXCSR]
    .set at, SAVED_XMM
    .irp register, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15
    movaps  \register, [rsp + at]
    .set at, at + 0x10
    .endr
    add     rsp, FRAME
    .irp register, r15, r14, r13, r12, rdi, rsi, rbp, rbx
    pop     \register
    .endr
    ret
    .seh_handlerdata
    .long   1
    .long   WatchedCallTry@IMGREL
    .long   .Lnote@IMGREL
    .long   WatchedCallFilter@IMGREL
    .long   WatchedCallCaught@IMGREL
    .text
    .seh_endproc

// rcx = EXCEPTION_POINTERS, rdx = WatchedCall's frame. A single step that ends the routine ends the stepping.
    .globl  WatchedCallFilter
WatchedCallFilter:
    mov     r8, [rcx + 8]
    mov     r9, [rdx + BLOCK]
    lea     rax, [rip + WatchedCallReturned]
    cmp     rax, [r8 + CONTEXT_RIP]
    je      1f
    mov     eax, EXECUTE_HANDLER
    dec     qword ptr [r9 + EXCEPTIONS]
    jz      2f
    mov     eax, CONTINUE_EXECUTION
2:  ret
1:  and     dword ptr [r8 + CONTEXT_EFLAGS], ~TRAP_FLAG
    mov     eax, CONTINUE_EXECUTION
    ret

// A quadword of kernel memory, for tests that look into an image's variables.
    .globl  Peek
Peek:
    mov     rax, [rcx]
    ret

// rcx = address, rdx = value.
    .globl  Poke
Poke:
    mov     [rcx], rdx
    ret

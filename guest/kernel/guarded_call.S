// SPDX-License-Identifier: MIT
// The bottom frame of every call that the host makes into guest code.
//
// The host does not run the prologue: it puts RSP where the prologue would have left it, the first four arguments
// into their registers, the others behind the home space, the callee into RAX, and starts at ...Enter. Each way out
// is a hlt, which stops the processor and so calls the host.

    .intel_syntax noprefix
    .text

// Room for 32 arguments: the home space of the first four and 28 more.
    .set FRAME, 32 * 8 + 8

// __try { return callee(...); } __except (EXCEPTION_EXECUTE_HANDLER) { }
    .globl  KiGuardedCall
    .globl  KiGuardedCallEnter
    .globl  KiGuardedCallReturned
    .globl  KiGuardedCallCaught
    .seh_proc KiGuardedCall
    .seh_handler __C_specific_handler, @unwind, @except
KiGuardedCall:
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    .seh_endprologue
KiGuardedCallEnter:
    call    rax
KiGuardedCallReturned:
    hlt
KiGuardedCallCaught:
    hlt
    int3
    .seh_handlerdata
    .long   1
    .long   KiGuardedCallEnter@IMGREL
    .long   KiGuardedCallCaught@IMGREL
    .long   1
    .long   KiGuardedCallCaught@IMGREL
    .text
    .seh_endproc

// The same frame with no handler: an exception that nobody above handles is a bugcheck.
    .globl  KiUnguardedCall
    .globl  KiUnguardedCallEnter
    .globl  KiUnguardedCallReturned
    .seh_proc KiUnguardedCall
KiUnguardedCall:
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    .seh_endprologue
KiUnguardedCallEnter:
    call    rax
KiUnguardedCallReturned:
    hlt
    int3
    .seh_endproc

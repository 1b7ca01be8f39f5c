// SPDX-License-Identifier: MIT
// The two frames between the dispatcher and a language handler: rcx = exception record, rdx = establisher frame,
// r8 = context, r9 = dispatcher context. Each has a handler of its own, and that is all there is to nested
// exceptions and collided unwinds: a dispatch that meets one of these frames learns what was under way.

    .intel_syntax noprefix
    .text

    .set FRAME, 0x28

    .macro THUNK name, handler
    .globl  \name
    .globl  \name\()Return
    .seh_proc \name
    .seh_handler \handler, @unwind, @except
\name:
    sub     rsp, FRAME
    .seh_stackalloc FRAME
    .seh_endprologue
    mov     [rsp + 0x20], r9        // where the frame's handler finds the dispatcher context
    call    qword ptr [r9 + 0x30]   // DISPATCHER_CONTEXT.LanguageHandler
\name\()Return:
    nop                             // the return address must not look like an epilogue
    add     rsp, FRAME
    ret
    .seh_endproc
    .endm

    THUNK   KiExecuteHandlerForException, KiNestedExceptionHandler
    THUNK   KiExecuteHandlerForUnwind, KiCollidedUnwindHandler

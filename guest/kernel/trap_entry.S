// SPDX-License-Identifier: MIT
// The frame that a trap leaves on the stack. The host writes it as the processor and this prologue would:
// SS, RSP, RFLAGS, CS, RIP and an error code, then RBP and the rest of a KTRAP_FRAME, with RBP = frame + 80h.
// Its unwind data leads from a handler that runs below it back into the code that trapped; the non-volatile
// registers other than RBP are live in the processor, as at any call.

    .intel_syntax noprefix
    .text

    .globl  KiTrapEntry
    .globl  KiTrapEntryReturn
    .seh_proc KiTrapEntry
KiTrapEntry:
    .seh_pushframe @code
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x158
    .seh_stackalloc 0x158
    lea     rbp, [rsp + 0x80]
    .seh_setframe rbp, 0x80
    .seh_endprologue
    nop
KiTrapEntryReturn:
    int3
    .seh_endproc

// The frame in which a dispatch keeps its records: DISPATCHER_CONTEXT, EXCEPTION_POINTERS, EXCEPTION_RECORD and two
// CONTEXTs (emu/seh/frames.py has the offsets). The handler thunks return to ...Return.
    .set RECORDS, 0xAC8

    .globl  KiDispatchException
    .globl  KiDispatchExceptionReturn
    .seh_proc KiDispatchException
KiDispatchException:
    sub     rsp, RECORDS
    .seh_stackalloc RECORDS
    .seh_endprologue
    nop
KiDispatchExceptionReturn:
    hlt
    int3
    .seh_endproc

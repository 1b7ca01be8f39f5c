// SPDX-License-Identifier: MIT
// An export of the kernel is a stub that stops the processor: the host does the work, puts the result into RAX and
// lets the stub return. The frame is real, so that an unwind passes through, and so that the host can call guest
// code from it: such a callback returns to the second hlt.
//
// The frame holds the home space of such a callback and, at RSP + 20h, 40h bytes for what the host hands it.
// Offsets within a stub, which emu/kernel/stubs.py knows: 5 = behind the first hlt, and the callback's return address;
// 6 = behind the second hlt, from where the stub returns. Every stub takes 16 bytes.

    .intel_syntax noprefix
    .text

    .macro STUB name
    .balign 16, 0xCC
    .seh_proc \name
\name:
    sub     rsp, 0x68
    .seh_stackalloc 0x68
    .seh_endprologue
    hlt
    hlt
    add     rsp, 0x68
    ret
    .seh_endproc
    .endm

    .macro NUMBERED
    STUB    KiExportStub\@
    .endm

// Handlers that frames of this image name.
    .globl  __C_specific_handler
    .globl  KiNestedExceptionHandler
    .globl  KiCollidedUnwindHandler
    STUB    __C_specific_handler
    STUB    KiNestedExceptionHandler
    STUB    KiCollidedUnwindHandler

// Exports that code of this image calls.
    .globl  DbgPrint
    .globl  ExRaiseAccessViolation
    .globl  ExRaiseDatatypeMisalignment
    .globl  RtlRaiseException
    STUB    DbgPrint
    STUB    ExRaiseAccessViolation
    STUB    ExRaiseDatatypeMisalignment
    STUB    RtlRaiseException

// The others get their names from the host.
    .globl  KiExportStubs
    .globl  KiExportStubsEnd
    .balign 16, 0xCC
KiExportStubs:
    .rept   512
    NUMBERED
    .endr
    .balign 16, 0xCC
KiExportStubsEnd:
    int3

// SPDX-License-Identifier: MIT
// Handlers and frames that have no scope table: what they catch is not known.
    .intel_syntax noprefix

    .macro FUNCTION name
    .section .drectve, "yn"
    .ascii " /EXPORT:\name"
    .text
    .globl \name
\name:
    .endm

// call: OwnLanguageHandler user:64
    .seh_proc OwnLanguageHandler
    .seh_handler AnyHandler, @except
    FUNCTION OwnLanguageHandler
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     eax, [rcx]
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .text
    .seh_endproc

AnyHandler:
    mov     eax, 1
    ret

// call: HandlerOfTheUnwindAlone user:64
    .seh_proc HandlerOfTheUnwindAlone
    .seh_handler AnyHandler, @unwind
    FUNCTION HandlerOfTheUnwindAlone
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     eax, [rcx] // finds: unguarded-user-access
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .text
    .seh_endproc

// call: InAnInterrupt user:64
    .seh_proc InAnInterrupt
    FUNCTION InAnInterrupt
    .seh_pushframe
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     eax, [rcx]
    add     rsp, 0x28
    ret
    .seh_endproc

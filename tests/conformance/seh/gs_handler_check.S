// SPDX-License-Identifier: MIT
// Functions with a stack cookie, of each kind that __GSHandlerCheck knows: mixed with RSP, with a frame register, in an
// aligned frame; and over a scope table, whose handler is called in those phases alone that the data names.
#include "program.inc"

    .set GS_EHANDLER, 1
    .set GS_UHANDLER, 2
    .set GS_ALIGNED, 4

    .data
    .balign 8
__security_cookie:
    .quad   0x00002B992DDFA232

    FUNCTION gs_handler_check, __C_specific_handler
    ENTER   0x28, rbx, rsi
    lea     rbx, [rip + functions]
.Lnext:
    mov     rax, [rbx]
    test    rax, rax
    jz      .Ldone
.Lbegin:
    call    rax
    nop
.Lend:
    NOTE    "returned"
    jmp     .Lagain
.Lexcept:
    NOTE    "except"
.Lagain:
    add     rbx, 8
    jmp     .Lnext
.Ldone:
    xor     eax, eax
    LEAVE   0x28, rsi, rbx
    SCOPES
    EXCEPT  .Lbegin, .Lend, of_caller, .Lexcept
    END

    .section .rdata, "dr"
    .balign 8
functions:
    .quad   plain, with_frame_register, aligned, both_phases, search_only, unwind_only, 0

    .macro  COOKIE base, at
    mov     rax, [rip + __security_cookie]
    xor     rax, \base
    mov     \at, rax
    .endm

    FUNCTION plain, __GSHandlerCheck
    ENTER   0x38
    COOKIE  rsp, [rsp+0x28]
    NOTE    "plain"
    mov     byte ptr [0x10], 0
    int3
    .seh_handlerdata
    .long   0x28 | GS_EHANDLER | GS_UHANDLER
    END

    FUNCTION with_frame_register, __GSHandlerCheck
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    COOKIE  rbp, [rsp+0x30]
    sub     rsp, 0x100
    NOTE    "with_frame_register"
    mov     byte ptr [0x10], 0
    int3
    .seh_handlerdata
    .long   0x30 | GS_EHANDLER | GS_UHANDLER
    END

    FUNCTION aligned, __GSHandlerCheck
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0xC0
    .seh_stackalloc 0xC0
    lea     rbp, [rsp + 0x10]
    .seh_setframe rbp, 0x10
    .seh_endprologue
    lea     r10, [rsp + 0x80]
    and     r10, -64
    COOKIE  rbp, [r10-8]
    NOTE    "aligned"
    mov     byte ptr [0x10], 0
    int3
    .seh_handlerdata
    .long   -8 | GS_ALIGNED, 0x80, 64
    END

    .macro  WITH_SCOPES name, phases
    FUNCTION \name, __GSHandlerCheck_SEH
    ENTER   0x38
    COOKIE  rsp, [rsp+0x28]
.Lbegin_\name:
    NOTE    "\name"
    mov     byte ptr [0x10], 0
.Lend_\name:
    int3
    .seh_handlerdata
    .long   2
    FINALLY .Lbegin_\name, .Lend_\name, of_function
    EXCEPT  .Lbegin_\name, .Lend_\name, passing, .Lend_\name
    .long   0x28 | \phases
    END
    .endm

    WITH_SCOPES both_phases, 3
    WITH_SCOPES search_only, 1
    WITH_SCOPES unwind_only, 2

    FILTER  of_caller, 1
    FILTER  passing, 0
    FINALLY_BLOCK of_function

/* expect kernel: these handlers are no export of a DLL, but part of each program's own runtime
plain
filter of_caller C0000005 answers 1
except
with_frame_register
filter of_caller C0000005 answers 1
except
aligned
filter of_caller C0000005 answers 1
except
both_phases
filter passing C0000005 answers 0
filter of_caller C0000005 answers 1
finally of_function, abnormal 1
except
search_only
filter passing C0000005 answers 0
filter of_caller C0000005 answers 1
except
unwind_only
filter of_caller C0000005 answers 1
finally of_function, abnormal 1
except
returned 0
*/

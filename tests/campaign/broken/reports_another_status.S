// SPDX-License-Identifier: MIT
// Handles the exception of a bad source, and raises STATUS_INVALID_PARAMETER in its place.
// sweep: length=4 fault=none@every-byte
// expect: wrong-status: it raised STATUS_INVALID_PARAMETER (0xC000000D) at

    .intel_syntax noprefix
    .text
    .globl  ReportsAnotherStatus
    .seh_proc ReportsAnotherStatus
    .seh_handler __C_specific_handler, @unwind, @except
ReportsAnotherStatus:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
.Lbegin:
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
.Lbehind:
    add     rsp, 0x28
    ret
.Lcaught:
    mov     ecx, 0xC000000D
    call    [rip + __imp_ExRaiseStatus]
    int3
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL
    .long   .Lbehind@IMGREL
    .long   1
    .long   .Lcaught@IMGREL
    .text
    .seh_endproc

// SPDX-License-Identifier: MIT
// Copies at DISPATCH_LEVEL, where a page that is out cannot come back.
// sweep: length=4 fault=paged-out@every-byte
// expect: bugcheck: bugcheck 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: byte 0 was read at

    .intel_syntax noprefix
    .text
    .globl  CopiesAtDispatchLevel
    .seh_proc CopiesAtDispatchLevel
CopiesAtDispatchLevel:
    .seh_endprologue
    mov     r10, cr8
    mov     eax, 2
    mov     cr8, rax
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
    mov     cr8, r10
    ret
    .seh_endproc

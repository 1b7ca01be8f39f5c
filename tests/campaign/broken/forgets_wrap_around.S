// SPDX-License-Identifier: MIT
// Compares the end of the range with the limit, and forgets that the end may have wrapped around.
// sweep: length=32 at=0xfffffffffffffff0
// expect: bugcheck: bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA: byte 0 was read at

    .intel_syntax noprefix
    .text
    .globl  ForgetsWrapAround
    .seh_proc ForgetsWrapAround
ForgetsWrapAround:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rax, 0x7FFFFFFF0000
    lea     r9, [rdx + r8]
    cmp     r9, rax
    ja      .Lrefuse
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
    add     rsp, 0x28
    ret
.Lrefuse:
    xor     ecx, ecx
    call    UmaRaiseAccessViolation
    int3
    .seh_endproc

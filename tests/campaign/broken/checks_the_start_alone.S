// SPDX-License-Identifier: MIT
// Compares the start of the range with the limit, and not its end.
// sweep: length=32 at=0x7fffffeffff0
// expect: wrong-status: of the read of byte 0 at

    .intel_syntax noprefix
    .text
    .globl  ChecksTheStartAlone
    .seh_proc ChecksTheStartAlone
ChecksTheStartAlone:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rax, 0x7FFFFFFF0000
    cmp     rdx, rax
    jae     .Lrefuse
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

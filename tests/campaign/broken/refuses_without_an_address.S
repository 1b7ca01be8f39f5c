// SPDX-License-Identifier: MIT
// Raises the bare status where the range is not user memory: no operation, no address.
// sweep: length=16 at=kernel
// expect: wrong-status: it raised STATUS_ACCESS_VIOLATION (0xC0000005) at

    .intel_syntax noprefix
    .text
    .globl  RefusesWithoutAnAddress
    .seh_proc RefusesWithoutAnAddress
RefusesWithoutAnAddress:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rax, 0x7FFFFFFF0000
    mov     r9, rdx
    add     r9, r8
    jc      .Lrefuse
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
    mov     ecx, 0xC0000005
    call    [rip + __imp_ExRaiseStatus]
    int3
    .seh_endproc

// SPDX-License-Identifier: MIT
// allocate_for_ever(size): allocates so much pool and frees it, over and over.

    .intel_syntax noprefix
    .text

    .globl  allocate_for_ever
    .seh_proc allocate_for_ever
allocate_for_ever:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     rbx, rcx
.Lagain:
    xor     ecx, ecx
    mov     rdx, rbx
    mov     r8d, 'A'
    call    [rip + __imp_ExAllocatePoolWithTag]
    mov     rcx, rax
    xor     edx, edx
    call    [rip + __imp_ExFreePoolWithTag]
    jmp     .Lagain
    .seh_endproc

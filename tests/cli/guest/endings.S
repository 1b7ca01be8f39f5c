// SPDX-License-Identifier: MIT
// Ways for a call to end.

    .intel_syntax noprefix
    .text

    .globl identity
identity:
    mov     rax, rcx
    ret

    .globl fifth
fifth:
    mov     rax, [rsp + 0x28]
    ret

    .globl divide
divide:
    xor     edx, edx
    mov     rax, rcx
    xor     ecx, ecx
    div     rcx
    ret

    .globl spin
spin:
    jmp     spin

    .globl halt
halt:
    hlt
    ret

    .globl store
store:
    mov     [rcx], rdx
    ret

// SPDX-License-Identifier: MIT
// Saves r12, and gives back what it counted where the length is odd.
// sweep: length=0-4
// expect: state-leak: r12 is 0x1, was 0x5eed

    .intel_syntax noprefix
    .text
    .globl  ClobbersR12
    .seh_proc ClobbersR12
ClobbersR12:
    push    r12
    .seh_pushreg r12
    .seh_endprologue
    stac
    xor     r12d, r12d
.Lnext:
    cmp     r12, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r12]
    mov     [rcx + r12], al
    inc     r12
    jmp     .Lnext
.Lend:
    clac
    test    r8b, 1
    jnz     .Lodd
    pop     r12
    ret
.Lodd:
    pop     rax
    ret
    .seh_endproc

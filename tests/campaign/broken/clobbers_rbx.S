// SPDX-License-Identifier: MIT
// Counts in rbx and does not save it.
// sweep: length=0-4
// expect: state-leak: rbx is 0x0, was 0x5eed

    .intel_syntax noprefix
    .text
    .globl  ClobbersRbx
    .seh_proc ClobbersRbx
ClobbersRbx:
    .seh_endprologue
    stac
    xor     ebx, ebx
.Lnext:
    cmp     rbx, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + rbx]
    mov     [rcx + rbx], al
    inc     rbx
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Clears AC at its end, although the caller had it set.
// sweep: length=0-4 profile=skylake-server,smap=permit
// expect: state-leak: AC is clear, was set

    .intel_syntax noprefix
    .text
    .globl  ClosesTheCallersWindow
    .seh_proc ClosesTheCallersWindow
ClosesTheCallersWindow:
    .seh_endprologue
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
    ret
    .seh_endproc

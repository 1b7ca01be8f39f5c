// SPDX-License-Identifier: MIT
// Rounds down while it copies, and afterwards.
// sweep: length=0-4
// expect: state-leak: MXCSR is 0x3f80, was 0x1f80

    .intel_syntax noprefix
    .text
    .globl  LeavesMxcsrChanged
    .seh_proc LeavesMxcsrChanged
LeavesMxcsrChanged:
    sub     rsp, 8
    .seh_stackalloc 8
    .seh_endprologue
    mov     dword ptr [rsp], 0x3F80
    ldmxcsr [rsp]
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
    add     rsp, 8
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A machine frame without an error code, which the code says is with. Only the frame itself tells: it is found by running.

#include "unwind.inc"

    .globl  machine_frame_with_error_code
    .seh_proc machine_frame_with_error_code
machine_frame_with_error_code:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     rax, rsp
    mov     ecx, ss
    push    rcx
    push    rax
    pushfq
    mov     ecx, cs
    push    rcx
    lea     rax, [rip + .Linterrupted]
    push    rax
    lea     rcx, [rip + trap]
    jmp     rcx                     // direct, it would be taken for an epilogue
.Linterrupted:
    xor     eax, eax
    lea     rsp, [rbp]
    pop     rbp
    ret
    .seh_endproc

    .globl  trap
    .seh_proc trap
trap:
    .seh_pushframe @code
    .seh_endprologue
    xor     eax, eax
    iretq
    .seh_endproc

// SPDX-License-Identifier: MIT
// A trap made by hand, with an error code.

#include "../guest/unwind.inc"

    .globl  machine_frame_and_error_code
    .seh_proc machine_frame_and_error_code
machine_frame_and_error_code:
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
    push    0
    lea     rcx, [rip + trap]
    jmp     rcx
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
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    call    handler
    nop
    mov     rbx, [rsp + 0x20]
    add     rsp, 0x30           // the error code, too
    iretq
    .seh_endproc

    .globl  handler
handler:
    xor     eax, eax
    ret

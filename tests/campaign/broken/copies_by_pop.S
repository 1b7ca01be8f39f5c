// SPDX-License-Identifier: MIT
// Puts RSP into the source and pops: a fault finds no kernel stack.
// sweep: length=8 fault=none@every-byte
// expect: bugcheck: bugcheck 0x7f UNEXPECTED_KERNEL_MODE_TRAP: no kernel stack for the fault of byte 0 at

    .intel_syntax noprefix
    .text
    .globl  CopiesByPop
    .seh_proc CopiesByPop
CopiesByPop:
    .seh_endprologue
    stac
    mov     r9, r8
    and     r9d, 7
    shr     r8, 3
    jz      .Ltail
    mov     r11, rsp
    mov     rsp, rdx
.Leight:
    pop     rax
    mov     [rcx], rax
    add     rcx, 8
    dec     r8
    jnz     .Leight
    mov     rdx, rsp
    mov     rsp, r11
.Ltail:
    test    r9d, r9d
    jz      .Lend
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r9d
    jmp     .Ltail
.Lend:
    clac
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// void copy_in_pieces(void *destination, const void *source, size_t length, size_t piece);
// Calls CopyFromUser for each piece: with pieces below 64 bytes all is copied byte by byte.

    .intel_syntax noprefix
    .text
    .globl  copy_in_pieces
    .seh_proc copy_in_pieces
copy_in_pieces:
    push    rbx
    .seh_pushreg rbx
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    push    r12
    .seh_pushreg r12
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rbx, r8
    mov     r12, r9
1:  mov     rcx, rdi
    mov     rdx, rsi
    mov     r8, r12
    cmp     rbx, r12
    cmovb   r8, rbx
    add     rdi, r8
    add     rsi, r8
    sub     rbx, r8
    mov     rax, [rsp + 0x70]       // the fifth argument: CopyFromUser
    call    rax
    test    rbx, rbx
    jnz     1b
    add     rsp, 0x28
    pop     r12
    pop     rdi
    pop     rsi
    pop     rbx
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Writes over its own stack, four frames deep, and faults there.

    .intel_syntax noprefix
    .text

// unsigned __int64 scribble_in_try(const struct { __int64 offset; unsigned __int64 value; } *list, size_t count);
//      __try { return scribble(list, count); } __except (EXCEPTION_EXECUTE_HANDLER) { return 0xE; }
    .globl  scribble_in_try
    .seh_proc scribble_in_try
    .seh_handler __C_specific_handler, @unwind, @except
scribble_in_try:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x30
    .seh_stackalloc 0x30
    lea     rbp, [rsp + 0x30]
    .seh_setframe rbp, 0x30
    .seh_endprologue
.Lbegin:
    call    scribble_with_saved_registers
    nop
.Lend:
.Lout:
    add     rsp, 0x30
    pop     rbp
    ret
.Lcaught:
    mov     eax, 0xE
    jmp     .Lout
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL
    .long   .Lend@IMGREL
    .long   1
    .long   .Lcaught@IMGREL
    .text
    .seh_endproc

    .seh_proc scribble_with_saved_registers
scribble_with_saved_registers:
    push    rbx
    .seh_pushreg rbx
    push    r12
    .seh_pushreg r12
    sub     rsp, 0x48
    .seh_stackalloc 0x48
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    movaps  [rsp + 0x30], xmm15
    .seh_savexmm xmm15, 0x30
    .seh_endprologue
    mov     ebx, 0x1111
    mov     r12d, 0x2222
    xorps   xmm6, xmm6
    pcmpeqd xmm15, xmm15
    call    scribble
    movaps  xmm6, [rsp + 0x20]
    movaps  xmm15, [rsp + 0x30]
    add     rsp, 0x48
    pop     r12
    pop     rbx
    ret
    .seh_endproc

    .seh_proc scribble
scribble:
    push    rsi
    .seh_pushreg rsi
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     rsi, rsp
    call    scribble_leaf
    add     rsp, 0x20
    pop     rsi
    ret
    .seh_endproc

// A leaf: offsets count from the stack pointer of its caller.
    .globl  scribble_leaf
scribble_leaf:
    xor     r8d, r8d
.Lnext:
    cmp     r8, rdx
    jae     .Lfault
    mov     rax, r8
    shl     rax, 4
    mov     r9, [rcx + rax]
    mov     r10, [rcx + rax + 8]
    mov     [rsi + r9], r10
    inc     r8
    jmp     .Lnext
.Lfault:
    mov     eax, [0x1234]
    ret

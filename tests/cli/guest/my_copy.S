// SPDX-License-Identifier: MIT
// A copy with a handler of its own: returns STATUS_SUCCESS, or STATUS_ACCESS_VIOLATION after whatever exception.
// Plain accesses, so it needs a profile that lets the kernel touch user memory.

    .intel_syntax noprefix
    .text
    .globl my_copy
    .seh_proc my_copy
    .seh_handler __C_specific_handler, @except, @unwind
my_copy:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    xor     eax, eax
.Lbyte:
    cmp     rax, r8
    je      .Lcopied
.Ltry:
    mov     r9b, [rdx + rax]
    nop
.Ltry_end:
    mov     [rcx + rax], r9b
    inc     rax
    jmp     .Lbyte
.Lcopied:
    xor     eax, eax
.Lreturn:
    add     rsp, 0x28
    ret
.Lexcept:
    mov     eax, 0xC0000005
    jmp     .Lreturn
    .seh_handlerdata
    .long   1
    .long   .Ltry@IMGREL
    .long   .Ltry_end@IMGREL
    .long   .Lfilter@IMGREL
    .long   .Lexcept@IMGREL
    .text
    .seh_endproc

.Lfilter:                           // a function of its own, and a leaf
    mov     eax, 1
    ret

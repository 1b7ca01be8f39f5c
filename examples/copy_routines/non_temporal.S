// SPDX-License-Identifier: MIT
// void copy_streaming(void *target, const volatile void *source, size_t length); rcx, rdx, r8
//
// Streaming stores go around the cache: for copies so long that nobody reads them soon. They want an aligned target, so
// bytes go ahead and bytes come behind. They are weakly ordered: the fence makes them visible before anything that
// follows the copy, as a flag that says that the data is there.

#include "user_window.inc"

    .intel_syntax noprefix
    .text
    .globl  copy_streaming
    .seh_proc copy_streaming
copy_streaming:
    pushfq
    .seh_stackalloc 8
    .seh_endprologue
    open_window
.Lhead:
    test    r8, r8
    jz      .Lfence
    test    cl, 15
    jz      .Lwide
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jmp     .Lhead
.Lwide:
    sub     r8, 16
    jb      .Lwide_end
    movdqu  xmm0, [rdx]
    movntdq [rcx], xmm0
    add     rdx, 16
    add     rcx, 16
    jmp     .Lwide
.Lwide_end:
    add     r8, 16
    jz      .Lfence
.Ltail:
    mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jnz     .Ltail
.Lfence:
    sfence
    close_window
    add     rsp, 8
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// The routines that know how large their destination is (Microsoft Learn, strcpy_s, strcat_s, memcpy_s, and so on).
// They return an errno_t: what the documentation hands to the invalid-parameter handler is returned alone.

#include "characters.inc"

    .intel_syntax noprefix
    .text

    .set EINVAL, 22
    .set ERANGE, 34

    .macro FUNCTION name
    .globl  \name
    .balign 16, 0xCC
    .seh_proc \name
\name:
    .endm

// rcx = destination, rdx = its characters, r8 = source. Characters are copied in order; a failure makes the
// destination an empty string, but where it has no room for that either. `append` begins at the destination's end, and
// a destination without an end is an invalid parameter.
    .macro COPY name, size, append
    FUNCTION \name
    .seh_endprologue
    test    rcx, rcx
    jz      .Linvalid\@
    test    rdx, rdx
    jz      .Linvalid\@
    mov     r9, rcx
    mov     eax, EINVAL
    test    r8, r8
    jz      .Lreset\@
    .if     \append
.Lskip\@:
    LOAD    r10, rcx, \size
    test    r10d, r10d
    jz      .Lfound\@
    add     rcx, \size
    dec     rdx
    jnz     .Lskip\@
    jmp     .Lreset\@
.Lfound\@:
    .endif
    mov     eax, ERANGE
.Lnext\@:
    LOAD    r10, r8, \size
    STORE   r10, rcx, \size
    test    r10d, r10d
    jz      .Lcopied\@
    add     r8, \size
    add     rcx, \size
    dec     rdx
    jnz     .Lnext\@
.Lreset\@:
    xor     r10d, r10d
    STORE   r10, r9, \size
    ret
.Lcopied\@:
    xor     eax, eax
    ret
.Linvalid\@:
    mov     eax, EINVAL
    ret
    .seh_endproc
    .endm

// rcx = destination, rdx = its bytes, r8 = source, r9 = bytes to copy. No bytes are always well. A failure of
// memcpy_s fills the destination with zeroes; memmove_s leaves it as it is.
    .macro COPY_MEMORY name, clear
    FUNCTION \name
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     ebx, ebx
    test    r9, r9
    jz      .Ldone\@
    mov     ebx, EINVAL
    test    rcx, rcx
    jz      .Ldone\@
    test    r8, r8
    jz      .Lfailed\@
    mov     ebx, ERANGE
    cmp     rdx, r9
    jb      .Lfailed\@
    xor     ebx, ebx
    mov     rdx, r8
    mov     r8, r9
    call    memmove
    jmp     .Ldone\@
.Lfailed\@:
    .if     \clear
    mov     r8, rdx
    xor     edx, edx
    call    memset
    .endif
.Ldone\@:
    mov     eax, ebx
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc
    .endm

    COPY    strcpy_s, 1, 0
    COPY    wcscpy_s, 2, 0
    COPY    strcat_s, 1, 1
    COPY    wcscat_s, 2, 1
    COPY_MEMORY memcpy_s, 1
    COPY_MEMORY memmove_s, 0

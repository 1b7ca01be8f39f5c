// SPDX-License-Identifier: MIT
// The routines that write counted strings: UNICODE_STRING and ANSI_STRING are Length and MaximumLength in bytes, 16
// bits each, and the buffer's address at offset 8.

    .intel_syntax noprefix
    .text

    .set MAXIMUM, 2
    .set BUFFER, 8

    .set STATUS_BUFFER_TOO_SMALL, 0xC0000023
    .set STATUS_NAME_TOO_LONG, 0xC0000106

    .macro FUNCTION name
    .globl  \name
    .balign 16, 0xCC
    .seh_proc \name
\name:
    .endm

// rcx = counted string, rdx = zero-terminated source or null. The source is read before the string is written. A
// source that is too long is cut off: its zero, of `size` bytes, must fit into MaximumLength. Where it is `checked`, an
// NTSTATUS is returned, and such a source leaves the string as it is.
    .macro INITIALIZE name, size, longest, checked
    FUNCTION \name
    .seh_endprologue
    xor     eax, eax
    xor     r8d, r8d
    test    rdx, rdx
    jz      .Lwrite\@
.Lnext\@:
    .if     \size == 1
    cmp     byte ptr [rdx + rax], 0
    .else
    cmp     word ptr [rdx + rax], 0
    .endif
    je      .Lend\@
    add     rax, \size
    jmp     .Lnext\@
.Lend\@:
    mov     r8d, \longest
    cmp     rax, r8
    .if     \checked
    ja      .Ltoo_long\@
    .else
    cmova   eax, r8d
    .endif
    lea     r8d, [rax + \size]
.Lwrite\@:
    mov     [rcx], ax
    mov     [rcx + MAXIMUM], r8w
    mov     [rcx + BUFFER], rdx
    .if     \checked
    xor     eax, eax
    ret
.Ltoo_long\@:
    mov     eax, STATUS_NAME_TOO_LONG
    .endif
    ret
    .seh_endproc
    .endm

    INITIALIZE RtlInitUnicodeString, 2, 0xFFFC, 0
    INITIALIZE RtlInitUnicodeStringEx, 2, 0xFFFC, 1
    INITIALIZE RtlInitAnsiString, 1, 0xFFFE, 0
    INITIALIZE RtlInitString, 1, 0xFFFE, 0

// rcx = destination, rdx = source or null. Copies what fits, then sets Length, then, where `terminated`, a zero if
// there is room.
    .macro COPY name, terminated
    FUNCTION \name
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov     rbx, rcx
    test    rdx, rdx
    jz      .Lno_source\@
    movzx   r8d, word ptr [rdx]
    movzx   eax, word ptr [rcx + MAXIMUM]
    cmp     r8d, eax
    cmova   r8d, eax
    mov     [rsp + 0x30], r8            // the home space of rcx
    mov     rdx, [rdx + BUFFER]
    mov     rcx, [rcx + BUFFER]
    call    memmove
    mov     r8, [rsp + 0x30]
    mov     [rbx], r8w
    .if     \terminated
    lea     eax, [r8 + 2]
    movzx   ecx, word ptr [rbx + MAXIMUM]
    cmp     eax, ecx
    ja      .Lcopied\@
    mov     rcx, [rbx + BUFFER]
    mov     word ptr [rcx + r8], 0
    .endif
.Lcopied\@:
    add     rsp, 0x20
    pop     rbx
    ret
.Lno_source\@:
    mov     word ptr [rcx], 0
    jmp     .Lcopied\@
    .seh_endproc
    .endm

    COPY    RtlCopyUnicodeString, 1
    COPY    RtlCopyString, 0

// rcx = destination, rdx = source or null; returns an NTSTATUS. Nothing is written where the source does not fit.
    FUNCTION RtlAppendUnicodeStringToString
    .seh_endprologue
    xor     r8d, r8d
    test    rdx, rdx
    jz      KiAppendUnicode
    movzx   r8d, word ptr [rdx]
    mov     rdx, [rdx + BUFFER]
    jmp     KiAppendUnicode
    .seh_endproc

// rcx = destination, rdx = zero-terminated source or null.
    FUNCTION RtlAppendUnicodeToString
    .seh_endprologue
    xor     r8d, r8d
    test    rdx, rdx
    jz      .Lappend
.Lmeasure:
    cmp     word ptr [rdx + r8], 0
    je      .Lappend
    add     r8, 2
    jmp     .Lmeasure
.Lappend:
    jmp     KiAppendUnicode
    .seh_endproc

// rcx = destination, rdx = source, r8 = its bytes.
    FUNCTION KiAppendUnicode
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     eax, eax
    test    r8, r8
    jz      .Lappended
    mov     rbx, rcx
    movzx   r9d, word ptr [rcx]
    movzx   r10d, word ptr [rcx + MAXIMUM]
    lea     r11, [r9 + r8]
    mov     eax, STATUS_BUFFER_TOO_SMALL
    cmp     r11, r10
    ja      .Lappended
    mov     [rsp + 0x30], r11
    mov     rcx, [rcx + BUFFER]
    add     rcx, r9
    call    memmove
    mov     r11, [rsp + 0x30]
    mov     [rbx], r11w
    lea     eax, [r11 + 2]
    movzx   ecx, word ptr [rbx + MAXIMUM]
    cmp     eax, ecx
    mov     eax, 0
    ja      .Lappended
    mov     rcx, [rbx + BUFFER]
    mov     word ptr [rcx + r11], 0
.Lappended:
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

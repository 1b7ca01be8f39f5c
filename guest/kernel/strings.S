// SPDX-License-Identifier: MIT
// The zero-terminated string routines that drivers import, each for bytes and for 16-bit characters. A character is
// read once, in order, and none behind the end: a fault is at the first character that cannot be touched. Upper and
// lower case are those of ASCII, as in the kernel's "C" locale.

#include "characters.inc"

    .intel_syntax noprefix
    .text

    .macro FUNCTION name
    .globl  \name
    .balign 16, 0xCC
    .seh_proc \name
    .seh_endprologue
\name:
    .endm

    .macro LOWER register
    lea     r11d, [\register - 'A']
    cmp     r11d, 'Z' - 'A'
    ja      .Lother\@
    or      \register\()d, 0x20
.Lother\@:
    .endm

// rcx = string; returns its length in characters.
    .macro LENGTH name, size
    FUNCTION \name
    mov     rax, rcx
.Lnext\@:
    LOAD    r10, rax, \size
    add     rax, \size
    test    r10d, r10d
    jnz     .Lnext\@
    sub     rax, rcx
    .if     \size == 2
    shr     rax, 1
    .endif
    dec     rax
    ret
    .seh_endproc
    .endm

// rcx = string, rdx = the most characters to look at; returns the length, or rdx.
    .macro BOUNDED_LENGTH name, size
    FUNCTION \name
    xor     eax, eax
.Lnext\@:
    cmp     rax, rdx
    jae     .Lend\@
    LOAD    r10, rcx, \size
    test    r10d, r10d
    jz      .Lend\@
    add     rcx, \size
    inc     rax
    jmp     .Lnext\@
.Lend\@:
    ret
    .seh_endproc
    .endm

// rcx, rdx = strings, r8 = the most characters to compare where `bounded`; returns -1, 0 or 1.
    .macro COMPARE name, size, bounded, fold
    FUNCTION \name
.Lnext\@:
    .if     \bounded
    sub     r8, 1
    jb      .Lequal\@
    .endif
    LOAD    r9, rcx, \size
    LOAD    r10, rdx, \size
    .if     \fold
    LOWER   r9
    LOWER   r10
    .endif
    cmp     r9d, r10d
    jne     .Ldifferent\@
    add     rcx, \size
    add     rdx, \size
    test    r9d, r9d
    jnz     .Lnext\@
.Lequal\@:
    xor     eax, eax
    ret
.Ldifferent\@:
    sbb     eax, eax            // the carry of the comparison: below
    or      eax, 1
    ret
    .seh_endproc
    .endm

// rcx = destination, rdx = source; returns the destination. `append` begins at the destination's end.
    .macro COPY name, size, append
    FUNCTION \name
    mov     rax, rcx
    .if     \append
.Lskip\@:
    LOAD    r10, rcx, \size
    test    r10d, r10d
    jz      .Lnext\@
    add     rcx, \size
    jmp     .Lskip\@
    .endif
.Lnext\@:
    LOAD    r10, rdx, \size
    STORE   r10, rcx, \size
    add     rdx, \size
    add     rcx, \size
    test    r10d, r10d
    jnz     .Lnext\@
    ret
    .seh_endproc
    .endm

// rcx = destination, rdx = source, r8 = characters, all of which are written: zeroes behind a shorter source, and no
// zero behind a longer one.
    .macro COPY_COUNT name, size
    FUNCTION \name
    mov     rax, rcx
    mov     r10d, 1
.Lnext\@:
    sub     r8, 1
    jb      .Lend\@
    test    r10d, r10d
    jz      .Lpad\@
    LOAD    r10, rdx, \size
    add     rdx, \size
.Lpad\@:
    STORE   r10, rcx, \size
    add     rcx, \size
    jmp     .Lnext\@
.Lend\@:
    ret
    .seh_endproc
    .endm

// rcx = destination, rdx = source, r8 = the most characters to append; a zero is always written behind them.
    .macro APPEND_COUNT name, size
    FUNCTION \name
    mov     rax, rcx
.Lskip\@:
    LOAD    r10, rcx, \size
    test    r10d, r10d
    jz      .Lnext\@
    add     rcx, \size
    jmp     .Lskip\@
.Lnext\@:
    xor     r10d, r10d
    sub     r8, 1
    jb      .Lstore\@
    LOAD    r10, rdx, \size
    add     rdx, \size
.Lstore\@:
    STORE   r10, rcx, \size
    add     rcx, \size
    test    r10d, r10d
    jnz     .Lnext\@
    ret
    .seh_endproc
    .endm

// rcx = string, edx = character; returns the address of its first, or its last, appearance, or 0. The terminating
// zero can be looked for, too.
    .macro FIND name, size, last
    FUNCTION \name
    .if     \size == 1
    movzx   edx, dl
    .else
    movzx   edx, dx
    .endif
    xor     eax, eax
.Lnext\@:
    LOAD    r10, rcx, \size
    cmp     r10d, edx
    .if     \last
    cmove   rax, rcx
    .else
    je      .Lfound\@
    .endif
    add     rcx, \size
    test    r10d, r10d
    jnz     .Lnext\@
    ret
    .if     !\last
.Lfound\@:
    mov     rax, rcx
    ret
    .endif
    .seh_endproc
    .endm

// rcx = string, rdx = what to look for; returns the address of its first appearance, or 0.
    .macro FIND_STRING name, size
    FUNCTION \name
.Lstart\@:
    xor     r8d, r8d
.Lnext\@:
    .if     \size == 1
    movzx   r10d, byte ptr [rdx + r8]
    .else
    movzx   r10d, word ptr [rdx + r8]
    .endif
    test    r10d, r10d
    jz      .Lfound\@
    .if     \size == 1
    movzx   r9d, byte ptr [rcx + r8]
    .else
    movzx   r9d, word ptr [rcx + r8]
    .endif
    test    r9d, r9d
    jz      .Labsent\@
    add     r8, \size
    cmp     r9d, r10d
    je      .Lnext\@
    add     rcx, \size
    jmp     .Lstart\@
.Lfound\@:
    mov     rax, rcx
    ret
.Labsent\@:
    xor     eax, eax
    ret
    .seh_endproc
    .endm

// ecx = character; returns it in the other case, where it has one.
    .macro CHANGE_CASE name, first, last, size
    FUNCTION \name
    mov     eax, ecx
    .if     \size == 2
    movzx   eax, ax
    .endif
    lea     r11d, [rax - \first]
    cmp     r11d, \last - \first
    ja      .Lother\@
    xor     eax, 0x20
.Lother\@:
    ret
    .seh_endproc
    .endm

    LENGTH  strlen, 1
    LENGTH  wcslen, 2
    BOUNDED_LENGTH strnlen, 1
    BOUNDED_LENGTH wcsnlen, 2
    COMPARE strcmp, 1, 0, 0
    COMPARE wcscmp, 2, 0, 0
    COMPARE strncmp, 1, 1, 0
    COMPARE wcsncmp, 2, 1, 0
    COMPARE _stricmp, 1, 0, 1
    COMPARE _wcsicmp, 2, 0, 1
    COMPARE _strnicmp, 1, 1, 1
    COMPARE _wcsnicmp, 2, 1, 1
    COPY    strcpy, 1, 0
    COPY    wcscpy, 2, 0
    COPY    strcat, 1, 1
    COPY    wcscat, 2, 1
    COPY_COUNT strncpy, 1
    COPY_COUNT wcsncpy, 2
    APPEND_COUNT strncat, 1
    APPEND_COUNT wcsncat, 2
    FIND    strchr, 1, 0
    FIND    wcschr, 2, 0
    FIND    strrchr, 1, 1
    FIND    wcsrchr, 2, 1
    FIND_STRING strstr, 1
    FIND_STRING wcsstr, 2
    CHANGE_CASE tolower, 'A', 'Z', 1
    CHANGE_CASE toupper, 'a', 'z', 1
    CHANGE_CASE towlower, 'A', 'Z', 2
    CHANGE_CASE towupper, 'a', 'z', 2

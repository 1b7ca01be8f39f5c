// SPDX-License-Identifier: MIT
// The memory routines that drivers import. Every byte is read once and written once, in order, and no access crosses
// a page: a fault is at the first byte that cannot be touched, and everything before it is done. Only volatile
// registers change, no stack is used.

    .intel_syntax noprefix
    .text

    .set STEP, 8

    .macro FUNCTION name
    .globl  \name
    .balign 16, 0xCC
    .seh_proc \name
    .seh_endprologue
\name:
    .endm

// Moves `count` units of `size` bytes from RDX to RCX, the first one `first` bytes away, the next ones `step` further.
    .macro MOVE_UNITS count, size, first, step
    .set    .Loffset, \first
    .rept   \count
    .if     \size == 8
    mov     r10, [rdx + .Loffset]
    mov     [rcx + .Loffset], r10
    .else
    movzx   r10d, byte ptr [rdx + .Loffset]
    mov     [rcx + .Loffset], r10b
    .endif
    .set    .Loffset, .Loffset + \step
    .endr
    .endm

// rcx = destination, rdx = source, r8 = bytes; returns the destination. As on x64 Windows, memcpy is memmove.
    .globl  memmove
    FUNCTION memcpy
memmove:
    mov     rax, rcx
    mov     r9, rcx
    sub     r9, rdx
    cmp     r9, r8
    jb      .Ldescend           // the destination begins inside the source
    test    r9b, STEP - 1
    jnz     .Lascend_bytes      // the two are never aligned together
.Lascend_align:
    test    cl, STEP - 1
    jz      .Lascend_wide
    sub     r8, 1
    jb      .Lmoved
    MOVE_UNITS 1, 1, 0, 1
    inc     rdx
    inc     rcx
    jmp     .Lascend_align
.Lascend_wide:
    sub     r8, 4 * STEP
    jb      .Lascend_narrow
    MOVE_UNITS 4, STEP, 0, STEP
    add     rdx, 4 * STEP
    add     rcx, 4 * STEP
    jmp     .Lascend_wide
.Lascend_narrow:
    add     r8, 4 * STEP
.Lascend_bytes:
    sub     r8, 8
    jb      .Lascend_last
    MOVE_UNITS 8, 1, 0, 1
    add     rdx, 8
    add     rcx, 8
    jmp     .Lascend_bytes
.Lascend_last:
    add     r8, 8
.Lascend_byte:
    sub     r8, 1
    jb      .Lmoved
    MOVE_UNITS 1, 1, 0, 1
    inc     rdx
    inc     rcx
    jmp     .Lascend_byte
.Lmoved:
    ret

.Ldescend:
    add     rcx, r8
    add     rdx, r8
    test    r9b, STEP - 1
    jnz     .Ldescend_bytes
.Ldescend_align:
    test    cl, STEP - 1
    jz      .Ldescend_wide
    sub     r8, 1
    jb      .Lmoved
    MOVE_UNITS 1, 1, -1, -1
    dec     rdx
    dec     rcx
    jmp     .Ldescend_align
.Ldescend_wide:
    sub     r8, 4 * STEP
    jb      .Ldescend_narrow
    MOVE_UNITS 4, STEP, -STEP, -STEP
    sub     rdx, 4 * STEP
    sub     rcx, 4 * STEP
    jmp     .Ldescend_wide
.Ldescend_narrow:
    add     r8, 4 * STEP
.Ldescend_bytes:
    sub     r8, 8
    jb      .Ldescend_last
    MOVE_UNITS 8, 1, -1, -1
    sub     rdx, 8
    sub     rcx, 8
    jmp     .Ldescend_bytes
.Ldescend_last:
    add     r8, 8
.Ldescend_byte:
    sub     r8, 1
    jb      .Lmoved
    MOVE_UNITS 1, 1, -1, -1
    dec     rdx
    dec     rcx
    jmp     .Ldescend_byte
    .seh_endproc

    FUNCTION RtlCopyMemory
    jmp     memcpy
    .seh_endproc

    FUNCTION RtlMoveMemory
    jmp     memcpy
    .seh_endproc

// rcx = destination, dl = byte, r8 = bytes; returns the destination.
    FUNCTION memset
    mov     rax, rcx
    movzx   edx, dl
    mov     r9, 0x0101010101010101
    imul    rdx, r9
.Lfill_align:
    test    cl, STEP - 1
    jz      .Lfill_wide
    sub     r8, 1
    jb      .Lfilled
    mov     [rcx], dl
    inc     rcx
    jmp     .Lfill_align
.Lfill_wide:
    sub     r8, 4 * STEP
    jb      .Lfill_last
    mov     [rcx], rdx
    mov     [rcx + STEP], rdx
    mov     [rcx + 2 * STEP], rdx
    mov     [rcx + 3 * STEP], rdx
    add     rcx, 4 * STEP
    jmp     .Lfill_wide
.Lfill_last:
    add     r8, 4 * STEP
.Lfill_byte:
    sub     r8, 1
    jb      .Lfilled
    mov     [rcx], dl
    inc     rcx
    jmp     .Lfill_byte
.Lfilled:
    ret
    .seh_endproc

// rcx = destination, rdx = bytes, r8b = byte.
    FUNCTION RtlFillMemory
    xchg    rdx, r8
    jmp     memset
    .seh_endproc

// rcx = destination, rdx = bytes.
    FUNCTION RtlZeroMemory
    mov     r8, rdx
    xor     edx, edx
    jmp     memset
    .seh_endproc

// Finds the first difference of RCX and RDX within R8 bytes. On the way out by `equal` R8 is below zero; by `differ`
// R8 + 1 bytes from the difference on are left, and r9b and r10b are the two bytes.
    .macro FIND_DIFFERENCE equal, differ
    mov     r9, rcx
    sub     r9, rdx
    test    r9b, STEP - 1
    jnz     .Lbytes\@
.Lalign\@:
    test    cl, STEP - 1
    jz      .Lwide\@
    sub     r8, 1
    jb      \equal
    movzx   r9d, byte ptr [rcx]
    movzx   r10d, byte ptr [rdx]
    cmp     r9b, r10b
    jne     \differ
    inc     rcx
    inc     rdx
    jmp     .Lalign\@
.Lwide\@:
    sub     r8, STEP
    jb      .Lnarrow\@
    mov     r9, [rcx]
    mov     r10, [rdx]
    add     rcx, STEP
    add     rdx, STEP
    cmp     r9, r10
    je      .Lwide\@
    add     r8, STEP - 1
    mov     r11, r9             // the bytes are taken from what was read, not read again
    xor     r11, r10
    bsf     rcx, r11
    and     ecx, 0x38
    shr     r9, cl
    shr     r10, cl
    shr     ecx, 3
    sub     r8, rcx
    jmp     \differ
.Lnarrow\@:
    add     r8, STEP
.Lbytes\@:
    sub     r8, 1
    jb      \equal
    movzx   r9d, byte ptr [rcx]
    movzx   r10d, byte ptr [rdx]
    cmp     r9b, r10b
    jne     \differ
    inc     rcx
    inc     rdx
    jmp     .Lbytes\@
    .endm

// rcx, rdx = the two blocks, r8 = bytes; returns -1, 0 or 1.
    FUNCTION memcmp
    FIND_DIFFERENCE .Lcompared_equal, .Lcompared_different
.Lcompared_equal:
    xor     eax, eax
    ret
.Lcompared_different:
    cmp     r9b, r10b
    sbb     eax, eax
    or      eax, 1
    ret
    .seh_endproc

// rcx, rdx = the two blocks, r8 = bytes; returns how many bytes are equal.
    FUNCTION RtlCompareMemory
    mov     rax, r8
    FIND_DIFFERENCE .Lall_equal, .Lfirst_difference
.Lfirst_difference:
    sub     rax, r8
    dec     rax
.Lall_equal:
    ret
    .seh_endproc

// rcx = block, dl = byte, r8 = bytes; returns the byte's address, or 0.
    FUNCTION memchr
.Lsearch:
    sub     r8, 1
    jb      .Labsent
    cmp     [rcx], dl
    je      .Lfound
    inc     rcx
    jmp     .Lsearch
.Lfound:
    mov     rax, rcx
    ret
.Labsent:
    xor     eax, eax
    ret
    .seh_endproc

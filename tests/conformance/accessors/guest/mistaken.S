// SPDX-License-Identifier: MIT
// Routines that look right and are not. Each poses as an accessor; test_mistakes.py says as which, and which clause of
// the table must find it. They open no SMAP window: they are for a processor without SMAP.

    .intel_syntax noprefix
    .text

    .macro  FRAMED name
    .globl  \name
    .seh_proc \name
\name:
    push    rdi
    .seh_pushreg rdi
    push    rsi
    .seh_pushreg rsi
    sub     rsp, 0x48
    .seh_stackalloc 0x48
    .seh_endprologue
    .endm

    .macro  LEAVE
    add     rsp, 0x48
    pop     rsi
    pop     rdi
    ret
    .seh_endproc
    .endm

    .macro  LEAF name
    .globl  \name
\name:
    .endm

    FRAMED  ReadsTooLittle      // ReadULongFromUser
    call    ReadUShortFromUser
    LEAVE

    FRAMED  ReadsTooMuch        // ReadULongFromUser
    call    ReadULong64FromUser
    LEAVE

    FRAMED  WritesTooMuch       // WriteUShortToUser
    call    WriteULongToUser
    LEAVE

    FRAMED  KeepsUpperBits      // FillUserMemory
    mov     [rsp + 0x20], r8b   // right but for Length 0, where it looks at the fill byte's home
    cmp     r8, 0x100
    jb      1f
    xor     r8d, r8d
1:  call    FillUserMemory
    LEAVE

    FRAMED  CopiesOneLess       // CopyFromUser
    dec     r8
    call    CopyFromUser
    LEAVE

    FRAMED  CopiesWholeWords    // CopyFromUser
    add     r8, 7
    and     r8, -8
    call    CopyFromUser
    LEAVE

    FRAMED  ChangesRegister     // CopyFromUser
    call    CopyFromUser
    xor     ebx, ebx
    LEAVE

    FRAMED  ChangesVector       // CopyFromUser
    call    CopyFromUser
    xorps   xmm9, xmm9
    LEAVE

    FRAMED  LeavesDirection     // CopyFromUser
    call    CopyFromUser
    std
    LEAVE

    FRAMED  LeavesWindow        // CopyFromUser
    call    CopyFromUser
    pushfq
    or      dword ptr [rsp], 1 << 18
    popfq
    LEAVE

    FRAMED  ClosesCallersWindow // CopyFromUser
    call    CopyFromUser
    pushfq
    and     dword ptr [rsp], ~(1 << 18)
    popfq
    LEAVE

    FRAMED  ChecksNothing       // CopyFromUser
    cld
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rcx, r8
    rep movsb
    LEAVE

    FRAMED  ChecksTheBegin      // CopyFromUser
    cld
    test    r8, r8
    jz      1f
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], rdx
    mov     [rsp + 0x30], r8
    mov     rcx, rdx
    call    ReadUCharFromUser
    mov     rdi, [rsp + 0x20]
    mov     rsi, [rsp + 0x28]
    mov     rcx, [rsp + 0x30]
    rep movsb
1:
    LEAVE

    FRAMED  TouchesFirst        // CopyFromUser
    test    r8, r8
    jz      1f
    mov     al, [rdx]
1:  call    CopyFromUser
    LEAVE

    FRAMED  ChecksEmptyRanges   // CopyFromUser
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], rdx
    mov     [rsp + 0x30], r8
    mov     rcx, rdx
    call    ReadUCharFromUser
    mov     rcx, [rsp + 0x20]
    mov     rdx, [rsp + 0x28]
    mov     r8, [rsp + 0x30]
    call    CopyFromUser
    LEAVE

    FRAMED  CopiesDownwards     // CopyFromUser
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], rdx
    mov     [rsp + 0x30], r8
1:  sub     qword ptr [rsp + 0x30], 1
    jb      2f
    mov     rcx, [rsp + 0x30]
    mov     rdx, [rsp + 0x28]
    add     rdx, rcx
    add     rcx, [rsp + 0x20]
    mov     r8d, 1
    call    CopyFromUser
    jmp     1b
2:
    LEAVE

    LEAF    CopiesForMoves      // MoveToUserFromUser
    jmp     CopyToUserFromUser

    FRAMED  RaisesAsRead        // WriteULongToUser
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], rdx
    call    ReadULongFromUser
    mov     rcx, [rsp + 0x20]
    mov     rdx, [rsp + 0x28]
    call    WriteULongToUser
    LEAVE

    LEAF    TakesWideMode       // ReadULongFromMode
    test    edx, edx
    jnz     ReadULongFromUser
    mov     eax, [rcx]
    ret

    LEAF    TakesOneUserMode    // ReadULongFromMode
    cmp     dl, 1
    je      ReadULongFromUser
    mov     eax, [rcx]
    ret

    LEAF    IgnoresMode         // ReadULongFromMode
    jmp     ReadULongFromUser

    LEAF    MisalignsFreely     // InterlockedAndToUser
    mov     rax, 0x7FFFFFFF0000 - 4
    cmp     rcx, rax
    ja      InterlockedAndToUser
    mov     eax, [rcx]
1:  mov     r8d, eax
    and     r8d, edx
    lock cmpxchg [rcx], r8d
    jnz     1b
    ret

    LEAF    ReturnsTheNewValue  // InterlockedOrToUser
    test    cl, 3
    jnz     InterlockedOrToUser
    mov     rax, 0x7FFFFFFF0000 - 4
    cmp     rcx, rax
    ja      InterlockedOrToUser
    lock or [rcx], edx
    mov     eax, [rcx]
    ret

    LEAF    LooksAhead          // StringLengthFromUser
    mov     rax, 0x7FFFFFFF0000 - 16
    cmp     rcx, rax
    ja      StringLengthFromUser
    movdqu  xmm0, [rcx]
    jmp     StringLengthFromUser

    FRAMED  StopsAtHalf         // WideStringLengthFromUser
    call    StringLengthFromUser
    shr     rax
    LEAVE

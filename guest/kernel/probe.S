// SPDX-License-Identifier: MIT
// ProbeForRead and ProbeForWrite: rcx = address, rdx = bytes, r8d = alignment. Guest code, so that what they touch is
// touched by a true access, with whatever comes of it.

    .intel_syntax noprefix
    .text

    .set PAGE, 0x1000
    .set CR4_SMAP, 21
    .set FLAGS_AC, 18

// Reads nothing of the range, only compares it with the limit. A range beyond the limit is a true access to the first
// address that is not a user address: an access violation with its two parameters.
    .globl  ProbeForRead
    .balign 16, 0xCC
    .seh_proc ProbeForRead
ProbeForRead:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    test    rdx, rdx
    jz      .Lread_done
    lea     eax, [r8 - 1]
    test    rcx, rax
    jnz     .Lread_misaligned
    mov     rax, [rip + MmUserProbeAddress]
    add     rdx, rcx
    jc      .Lread_outside
    cmp     rdx, rax
    ja      .Lread_outside
.Lread_done:
    add     rsp, 0x28
    ret
.Lread_outside:
    mov     al, [rax]
    jmp     .Lread_done
.Lread_misaligned:
    call    ExRaiseDatatypeMisalignment
    int3
    .seh_endproc

// Reads and writes back the first byte of the range, and the first byte of every later page of it. A range beyond the
// limit is an access violation raised by software: it has no parameters.
    .globl  ProbeForWrite
    .balign 16, 0xCC
    .seh_proc ProbeForWrite
ProbeForWrite:
    pushfq                          // the body must leave RSP where it is
    .seh_stackalloc 8
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    test    rdx, rdx
    jz      .Lwrite_done
    lea     eax, [r8 - 1]
    test    rcx, rax
    jnz     .Lwrite_misaligned
    lea     rdx, [rcx + rdx - 1]    // the last byte
    cmp     rdx, rcx
    jb      .Lwrite_outside
    cmp     rdx, [rip + MmUserProbeAddress]
    jae     .Lwrite_outside

// Where SMAP is on and AC is clear, the touches need a window.
    xor     r9d, r9d
    mov     rax, cr4
    bt      eax, CR4_SMAP
    jnc     .Ltouch
    bt      dword ptr [rsp + 0x20], FLAGS_AC
    jc      .Ltouch
    inc     r9d
    stac
.Ltouch:
    mov     al, [rcx]
    mov     [rcx], al
    and     rcx, -PAGE
    add     rcx, PAGE
    cmp     rcx, rdx
    jbe     .Ltouch
    test    r9d, r9d
    jz      .Lwrite_done
    clac
.Lwrite_done:
    add     rsp, 0x28
    ret
.Lwrite_outside:
    call    ExRaiseAccessViolation
    int3
.Lwrite_misaligned:
    call    ExRaiseDatatypeMisalignment
    int3
    .seh_endproc

// SPDX-License-Identifier: MIT
// Reads each byte with an xadd of 0, which a source that is only readable does not allow.
// sweep: length=4 fault=ro@every-byte
// expect: wrong-status: of the write of byte 0 at

    .intel_syntax noprefix
    .text
    .globl  WritesToRead
    .seh_proc WritesToRead
WritesToRead:
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    xor     eax, eax
    lock xadd [rdx + r9], al
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

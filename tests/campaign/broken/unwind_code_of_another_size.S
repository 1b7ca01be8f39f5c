// SPDX-License-Identifier: MIT
// Takes 38h bytes of stack, and its unwind code says 48h.
// sweep: length=4 fault=none@every-byte
// expect: bugcheck: nobody took STATUS_ACCESS_VIOLATION (0xC0000005) of the read of byte 0 at

    .intel_syntax noprefix
    .text
    .globl  UnwindCodeOfAnotherSize
    .seh_proc UnwindCodeOfAnotherSize
UnwindCodeOfAnotherSize:
    sub     rsp, 0x38
    .seh_stackalloc 0x48
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    add     rsp, 0x38
    ret
    .seh_endproc

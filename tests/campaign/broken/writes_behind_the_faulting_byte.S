// SPDX-License-Identifier: MIT
// Stores each four bytes with what the register held, then mends them one by one.
// sweep: length=4 fault=none@every-byte
// expect: wrong-data: bytes 1 to 3 of 4 are wrong

    .intel_syntax noprefix
    .text
    .globl  WritesBehindTheFaultingByte
    .seh_proc WritesBehindTheFaultingByte
WritesBehindTheFaultingByte:
    .seh_endprologue
    stac
    xor     r9d, r9d
.Lnext:
    cmp     r9, r8
    jae     .Lend
    movzx   eax, byte ptr [rdx + r9]
    mov     r10, r8
    sub     r10, r9
    cmp     r10, 4
    jb      .Lone
    mov     [rcx + r9], eax
.Lone:
    mov     [rcx + r9], al
    inc     r9
    jmp     .Lnext
.Lend:
    clac
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Clears the target before it copies, so that a fault leaves zeroes behind.
// sweep: length=4 fault=none@every-byte
// expect: wrong-data: bytes 0 to 3 of 4 are wrong, the first is 0x00 in place of

    .intel_syntax noprefix
    .text
    .globl  ClearsTheTargetFirst
    .seh_proc ClearsTheTargetFirst
ClearsTheTargetFirst:
    .seh_endprologue
    xor     r9d, r9d
.Lclear:
    cmp     r9, r8
    jae     .Lcopy
    mov     byte ptr [rcx + r9], 0
    inc     r9
    jmp     .Lclear
.Lcopy:
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
    ret
    .seh_endproc

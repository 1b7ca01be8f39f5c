// SPDX-License-Identifier: MIT
// Has a __finally that clears the whole target when the copy ends by an exception.
// sweep: length=4 fault=none@every-byte
// expect: wrong-data: bytes 0 to 3 of 4 are wrong, the first is 0x00 in place of

    .intel_syntax noprefix
    .text
    .globl  ZeroesTheTargetOnAFault
    .seh_proc ZeroesTheTargetOnAFault
    .seh_handler __C_specific_handler, @unwind, @except
ZeroesTheTargetOnAFault:
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    .seh_endprologue
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], r8
.Lbegin:
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
.Lbehind:
    clac
    add     rsp, 0x38
    ret
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL
    .long   .Lbehind@IMGREL
    .long   ZeroesTheTargetOnAFaultFinally@IMGREL
    .long   0
    .text
    .seh_endproc

// rcx = AbnormalTermination, rdx = establisher frame
    .seh_proc ZeroesTheTargetOnAFaultFinally
ZeroesTheTargetOnAFaultFinally:
    .seh_endprologue
    mov     rax, [rdx + 0x20]
    mov     r8, [rdx + 0x28]
.Lclear:
    test    r8, r8
    jz      .Lcleared
    dec     r8
    mov     byte ptr [rax + r8], 0
    jmp     .Lclear
.Lcleared:
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Its __except block is the ret itself, while the frame still stands.
// sweep: length=4 fault=none@every-byte
// expect: bugcheck: nobody took

    .intel_syntax noprefix
    .text
    .globl  LandsBehindTheEpilogue
    .seh_proc LandsBehindTheEpilogue
    .seh_handler __C_specific_handler, @unwind, @except
LandsBehindTheEpilogue:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
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
    clac
.Lbehind:
    add     rsp, 0x28
.Lcaught:
    ret
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL
    .long   .Lbehind@IMGREL
    .long   1
    .long   .Lcaught@IMGREL
    .text
    .seh_endproc

// SPDX-License-Identifier: MIT
// __chkstk: a function with a frame of more than a page calls it before it lowers RSP. rax = bytes of the frame; every
// page of it is touched, the highest first. All registers are kept.

    .intel_syntax noprefix
    .text

    .set PAGE, 0x1000

    .globl  __chkstk
    .balign 16, 0xCC
    .seh_proc __chkstk
__chkstk:
    sub     rsp, 0x18
    .seh_stackalloc 0x18
    .seh_endprologue
    mov     [rsp], r10
    mov     [rsp + 0x08], r11
    lea     r10, [rsp + 0x20]       // RSP of the caller
    mov     r11, r10
    sub     r10, rax
    jnc     .Llimit
    xor     r10d, r10d              // the frame is larger than what lies below the stack
.Llimit:
    and     r10, -PAGE
    and     r11, -PAGE
.Ltouch:
    cmp     r11, r10
    jbe     .Ldone
    sub     r11, PAGE
    test    byte ptr [r11], 0
    jmp     .Ltouch
.Ldone:
    mov     r10, [rsp]
    mov     r11, [rsp + 0x08]
    add     rsp, 0x18
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A section of each protection, and an address in data that moves with the image.

    .intel_syntax noprefix
    .text
    .globl  get_pointer
get_pointer:
    mov     rax, [rip + pointer]
    ret

    .globl  count
count:
    inc     qword ptr [rip + counter]
    mov     rax, [rip + counter]
    ret

    .globl  read_limit
read_limit:
    mov     rax, [rip + __imp_MmUserProbeAddress]
    mov     rax, [rax]
    ret

    .globl  load
load:
    movzx   eax, byte ptr [rcx]
    ret

    .globl  store
store:
    mov     byte ptr [rcx], 1
    ret

    .globl  enter
enter:
    jmp     rcx

    .data
    .globl  counter
counter:
    .quad   41
    .globl  pointer
pointer:
    .quad   constant

    .section .rdata, "dr"
    .globl  constant
constant:
    .quad   0xC3

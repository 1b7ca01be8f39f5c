# SPDX-License-Identifier: GPL-2.0-or-later
.intel_syntax noprefix
#include "nothing.inc"

.text
.globl framed
.seh_proc framed
framed:
    push rbx
    .seh_pushreg rbx
    sub rsp, 32
    .seh_stackalloc 32
    .seh_endprologue
    lea rbx, [rip + table]
inner:
    mov rax, [rbx]
    call leaf
    add rsp, 32
    pop rbx
    ret
.seh_endproc

.globl leaf
leaf:
    mov rax, [rip + __imp_MmUserProbeAddress]
    mov rax, [rax]
    ret

hidden:
    nop
    ret

.data
.globl table
table:
    .quad framed
    .quad leaf

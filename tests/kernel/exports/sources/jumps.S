// SPDX-License-Identifier: MIT
// jump(value, with_frame): jumps out of a __finally's reach, and returns what setjmp did, plus rbx if it was kept.

    .intel_syntax noprefix

    .bss
    .balign 16
    .globl  buffer
buffer:
    .zero   0x100
    .globl  finally_runs
finally_runs:
    .quad   0

    .text

    .macro  JUMP name, set
    .globl  \name
    .seh_proc \name
\name:
    push    rbx
    .seh_pushreg rbx
    push    rsi
    .seh_pushreg rsi
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    .seh_endprologue
    mov     rbx, 0x10000
    mov     esi, ecx
    movq    xmm6, rbx
    lea     rcx, [rip + buffer]
    mov     rax, rsp            // the establisher frame
    test    edx, edx
    cmovnz  rdx, rax
    call    \set
    nop
    test    eax, eax
    jnz     .Ldone\@
    mov     ecx, esi
    call    protected
    mov     eax, 0xBAD
.Ldone\@:
    movq    rcx, xmm6
    add     rax, rcx
    add     rax, rbx
    movaps  xmm6, [rsp + 0x20]
    add     rsp, 0x38
    pop     rsi
    pop     rbx
    ret
    .seh_endproc
    .endm

    JUMP    jump, _setjmp
    JUMP    jump_ex, _setjmpex

    .seh_proc protected
    .seh_handler __C_specific_handler, @unwind, @except
protected:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    xor     ebx, ebx
    xorps   xmm6, xmm6
.Lbegin:
    mov     edx, ecx
    lea     rcx, [rip + buffer]
    call    longjmp
    nop
.Lend:
    int3
    .seh_handlerdata
    .long   1
    .long   .Lbegin@IMGREL, .Lend@IMGREL, finally@IMGREL, 0
    .text
    .seh_endproc

    .seh_proc finally
finally:
    .seh_endprologue
    inc     qword ptr [rip + finally_runs]
    ret
    .seh_endproc

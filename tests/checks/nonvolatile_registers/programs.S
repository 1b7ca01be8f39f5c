// SPDX-License-Identifier: MIT
// Functions that do not leave nonvolatile registers as they found them, and ones that do.

    .intel_syntax noprefix
    .text

    .macro  FUNCTION name
    .globl  \name
    .balign 16, 0xCC
    .seh_proc \name
\name:
    .endm

    .macro  LEAF name
    FUNCTION \name
    .seh_endprologue
    .endm

// call: OverwritesRbx 0x1111
    LEAF    OverwritesRbx
    mov     rbx, rcx
    lea     rax, [rbx + 1]
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: OverwritesSeveral 0x2222
    LEAF    OverwritesSeveral
    mov     rsi, rcx
    mov     edi, ecx
    xor     r12d, r12d
    dec     r15
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: PopsInTheWrongOrder 0x3333
    FUNCTION PopsInTheWrongOrder
    push    rsi
    .seh_pushreg rsi
    push    rdi
    .seh_pushreg rdi
    .seh_endprologue
    mov     rsi, rcx
    mov     rdi, rcx
    pop     rsi
    pop     rdi
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: SavesTooLate 0x4444
    FUNCTION SavesTooLate
    mov     rbp, rcx
    push    rbp
    .seh_pushreg rbp
    .seh_endprologue
    xor     ebp, ebp
    pop     rbp
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: OverwritesXmm6 7
    LEAF    OverwritesXmm6
    movq    xmm6, rcx
    movq    rax, xmm6
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: RestoresHalfOfXmm7 7
    FUNCTION RestoresHalfOfXmm7
    sub     rsp, 0x18
    .seh_stackalloc 0x18
    .seh_endprologue
    movsd   [rsp], xmm7
    pcmpeqd xmm7, xmm7
    movhpd  [rsp + 8], xmm7
    movups  xmm7, [rsp]
    add     rsp, 0x18
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: RoundsUp
    FUNCTION RoundsUp
    sub     rsp, 0x18
    .seh_stackalloc 0x18
    .seh_endprologue
    stmxcsr [rsp]
    or      dword ptr [rsp], 0x4000
    ldmxcsr [rsp]
    add     rsp, 0x18
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: ForgetsItOnOneWay 0
    FUNCTION ForgetsItOnOneWay
    push    r14
    .seh_pushreg r14
    .seh_endprologue
    lea     r14, [rcx + 0x5555]
    test    ecx, ecx
    jz      .Lout
    pop     r14
    ret
.Lout:
    add     rsp, 8
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// call: CallsWhatOverwritesR13 0x8888
    LEAF    OverwritesR13
    mov     r13, rcx
    ret                         // finds: nonvolatile-registers
    .seh_endproc

// Near misses.

// call: SavesAndRestores 0x1111
    FUNCTION SavesAndRestores
    push    rbx
    .seh_pushreg rbx
    push    rbp
    .seh_pushreg rbp
    mov     rbp, rsp
    .seh_setframe rbp, 0
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    .seh_endprologue
    movups  [rsp + 0x20], xmm6
    mov     [rbp + 0x18], rsi   // the home space
    mov     rbx, rcx
    mov     esi, ecx
    pxor    xmm6, xmm6
    movups  xmm6, [rsp + 0x20]
    mov     rsi, [rbp + 0x18]
    leave
    pop     rbx
    ret
    .seh_endproc

// call: OverwritesVolatileOnes 0x2222
    LEAF    OverwritesVolatileOnes
    mov     rax, rcx
    mov     r8, rcx
    mov     r11, rcx
    pxor    xmm0, xmm0
    pxor    xmm5, xmm5
    ret
    .seh_endproc

// call: CalculatesItBack 0x3333
    LEAF    CalculatesItBack
    add     rbx, rcx
    sub     rbx, rcx
    movq    xmm0, rcx
    pxor    xmm8, xmm0
    pxor    xmm8, xmm0
    xchg    rsi, rcx
    xchg    rsi, rcx
    ret
    .seh_endproc

// call: KeepsMxcsr
    FUNCTION KeepsMxcsr
    sub     rsp, 0x18
    .seh_stackalloc 0x18
    .seh_endprologue
    stmxcsr [rsp]
    mov     eax, [rsp]
    or      eax, 0x4000
    mov     [rsp + 4], eax
    ldmxcsr [rsp + 4]
    ldmxcsr [rsp]
    add     rsp, 0x18
    ret
    .seh_endproc

// call: SetsFlagsOfMxcsr 3
    FUNCTION SetsFlagsOfMxcsr
    sub     rsp, 0x18
    .seh_stackalloc 0x18
    .seh_endprologue
    stmxcsr [rsp]
    or      dword ptr [rsp], 0x20
    ldmxcsr [rsp]
    add     rsp, 0x18
    ret
    .seh_endproc

// call: SavesInAVolatileOne 0x4444
    LEAF    SavesInAVolatileOne
    mov     r10, rbx
    mov     rbx, rcx
    mov     rbx, r10
    movaps  xmm1, xmm9
    pcmpeqd xmm9, xmm9
    movaps  xmm9, xmm1
    ret
    .seh_endproc

// Raises with its registers overwritten; they are on the stack, where the unwind finds them.
    FUNCTION OverwritesAndFaults
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x10
    .seh_stackalloc 0x10
    movups  [rsp], xmm6
    .seh_savexmm xmm6, 0
    .seh_endprologue
    mov     ebx, 0x6666
    pcmpeqd xmm6, xmm6
    mov     eax, [rcx]
    movups  xmm6, [rsp]
    add     rsp, 0x10
    pop     rbx
    ret
    .seh_endproc

// The same, but that its unwind data does not say where rdi is.
    FUNCTION OverwritesAndFaultsUnknown
    push    rdi
    .seh_stackalloc 8
    .seh_endprologue
    mov     edi, 0x7777
    mov     eax, [rcx]
    pop     rdi
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// Functions that use the stack otherwise than the calling convention has it, and ones that use it as they may.

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

    .macro  FRAME size
    sub     rsp, \size
    .seh_stackalloc \size
    .seh_endprologue
    .endm

// call: ForgetsToPop
    FUNCTION ForgetsToPop
    push    rbx
    .seh_pushreg rbx
    .seh_endprologue
    xor     eax, eax
    ret                         // finds: stack
    .seh_endproc

// call: PopsTooMuch
    FUNCTION PopsTooMuch
    FRAME   0x28
    xor     eax, eax
    add     rsp, 0x30
    ret                         // finds: stack
    .seh_endproc

// call: PopsItsCallersArguments 1 2 3
    LEAF    PopsItsCallersArguments
    mov     rax, rcx
    ret     16                  // finds: stack
    .seh_endproc

// call: CallsWithRspOff 7
    FUNCTION CallsWithRspOff
    FRAME   0x20
    call    UsesItsHomeSpace    // finds: stack
    add     rsp, 0x20
    ret
    .seh_endproc

// call: CallsWithoutHomeSpace 7
    FUNCTION CallsWithoutHomeSpace
    FRAME   8
    call    Returns             // finds: stack
    add     rsp, 8
    ret
    .seh_endproc

// call: CallsWithNothing 7
    LEAF    CallsWithNothing
    call    Returns             // finds: stack × 2
    ret
    .seh_endproc

// call: WritesBelowRsp 7
    LEAF    WritesBelowRsp
    mov     [rsp - 8], rcx      // finds: stack
    mov     rax, [rsp - 8]
    ret
    .seh_endproc

// call: KeepsAValueInHomeSpace 7
    FUNCTION KeepsAValueInHomeSpace
    FRAME   0x28
    mov     [rsp + 8], rcx
    call    UsesItsHomeSpace
    mov     rax, [rsp + 8]      // finds: stack
    add     rsp, 0x28
    ret
    .seh_endproc

// call: CallsWhatWritesAbove 7
    LEAF    WritesAboveItsFrame
    mov     [rsp + 0x30], rcx   // finds: stack
    mov     rax, rcx
    ret
    .seh_endproc

// call: WritesAboveItsArguments 1 2 3 4 5
    LEAF    WritesAboveItsArguments
    mov     [rsp + 0x28], rcx
    mov     [rsp + 0x30], rcx   // finds: stack
    ret
    .seh_endproc

// Near misses.

// call: UsesItsHomeSpace 1 2 3 4
    LEAF    UsesItsHomeSpace
    mov     [rsp + 8], rdx
    mov     [rsp + 0x10], r8
    mov     [rsp + 0x18], r9
    mov     [rsp + 0x20], rcx
    mov     rax, [rsp + 0x20]
    ret
    .seh_endproc

// call: Returns 1
    LEAF    Returns
    mov     rax, rcx
    ret
    .seh_endproc

// call: CallsAsItShould 7
    FUNCTION CallsAsItShould
    push    rbx
    .seh_pushreg rbx
    FRAME   0x30
    mov     [rsp + 0x20], rcx
    mov     [rsp + 0x28], rcx
    call    UsesItsHomeSpace
    call    Returns
    mov     rax, [rsp + 0x28]
    add     rsp, 0x30
    pop     rbx
    ret
    .seh_endproc

// call: WritesItsFifth 1 2 3 4 5 6
    LEAF    WritesItsFifth
    mov     rax, [rsp + 0x28]
    add     rax, [rsp + 0x30]
    mov     [rsp + 0x28], rcx
    mov     [rsp + 0x30], rdx
    ret
    .seh_endproc

// call: CallsThroughARetpoline 7
    FUNCTION CallsThroughARetpoline
    FRAME   0x28
    lea     r11, [rip + Returns]
    call    Retpoline
    add     rsp, 0x28
    ret
    .seh_endproc

    LEAF    Retpoline
    call    .Lload
.Lspin:
    pause
    jmp     .Lspin
.Lload:
    mov     [rsp], r11
    ret
    .seh_endproc

// call: JumpsByReturning 7
    LEAF    JumpsByReturning
    lea     rax, [rip + Returns]
    push    rax
    ret
    .seh_endproc

// call: CallsWithinItself 7
    FUNCTION CallsWithinItself
    push    rsi
    .seh_pushreg rsi
    .seh_endprologue
    mov     rsi, rcx
    call    .Lhelper
    call    .Lhelper
    mov     rax, rsi
    pop     rsi
    ret
.Lhelper:
    mov     [rsp + 8], rsi
    add     rsi, rsi
    ret
    .seh_endproc

// call: JumpsToAnother 7
    FUNCTION JumpsToAnother
    FRAME   0x28
    call    Returns
    add     rsp, 0x28
    mov     rcx, rax
    jmp     UsesItsHomeSpace
    .seh_endproc

// call: CalculatesBelowRsp 7
    LEAF    CalculatesBelowRsp
    lea     rax, [rsp - 0x100]
    sub     rax, rsp
    ret
    .seh_endproc

// SPDX-License-Identifier: MIT
// A function is left by an exception at its first instruction, then at its second, and so on up to its `ret`: wherever
// in prologue, body and epilogue that is, the __except of its caller finds the caller's registers and stack.
#include "program.inc"

    .data
    .balign 8
steps_left:
    .long   0
wrong:
    .long   0

    FUNCTION unwind_from_every_instruction
    ENTER   0x20, rbx
    xor     ebx, ebx
.Lnext:
    inc     ebx
    mov     ecx, ebx
    call    leave_at
    nop
    test    eax, eax
    jz      .Lnext
    dec     ebx                     // the last time it came to its end
    NOTE    "left at each of %d instructions, %d times wrong", ebx, [rip+wrong]
    xor     eax, eax
    LEAVE   0x20, rbx
    END

// leave_at(n): whether the function came to its end before its n-th instruction.
    FUNCTION leave_at, __C_specific_handler
    ENTER   0x38, rbx, rbp, rsi, rdi, r12, r15
    movaps  [rsp + 0x20], xmm6      // a caller's own, and no unwind passes this frame
    mov     [rip + steps_left], ecx
    lea     rbp, [rsp + 0x1000]
    mov     ebx, 0xB0B0
    mov     esi, 0x5151
    mov     edi, 0xD1D1
    mov     r12d, 0x1212
    mov     r15d, 0x1515
    movd    xmm6, esi
.Lbegin:
    lea     rax, [rip + left]
    pushfq
    or      dword ptr [rsp], TRAP_FLAG
    popfq
    call    rax                     // the first step is behind this instruction
.Lreturned:
    nop
.Lend:
    mov     eax, 1
.Lcompare:
    movd    ecx, xmm6
    movaps  xmm6, [rsp + 0x20]
    lea     r8, [rsp + 0x1000]
    .macro  COMPARE register, value
    cmp     \register, \value
    jne     .Lwrong
    .endm
    COMPARE rbp, r8
    COMPARE ecx, 0x5151
    COMPARE rbx, 0xB0B0
    COMPARE rsi, 0x5151
    COMPARE rdi, 0xD1D1
    COMPARE r12, 0x1212
    COMPARE r15, 0x1515
    jmp     .Lright
.Lwrong:
    inc     dword ptr [rip + wrong]
.Lright:
    LEAVE   0x38, r15, r12, rdi, rsi, rbp, rbx
.Lexcept:
    xor     eax, eax
    jmp     .Lcompare
    SCOPES
    EXCEPT  .Lbegin, .Lend, counting, .Lexcept
    END

    FUNCTION counting
    .seh_endprologue
    mov     rax, [rcx]
    mov     rdx, [rcx + 8]
    cmp     dword ptr [rax + RECORD_CODE], SINGLE_STEP
    mov     eax, 0
    jne     .Lcounted
    lea     r8, [rip + .Lreturned]
    cmp     [rdx + CONTEXT_RIP], r8
    je      .Lstop
    dec     dword ptr [rip + steps_left]
    mov     eax, 1
    jz      .Lcounted
    or      dword ptr [rdx + CONTEXT_EFLAGS], TRAP_FLAG
    mov     eax, -1
    ret
.Lstop:
    and     dword ptr [rdx + CONTEXT_EFLAGS], ~TRAP_FLAG
    mov     eax, -1
.Lcounted:
    ret
    END

    FUNCTION left
    push    rbx
    .seh_pushreg rbx
    push    r12
    .seh_pushreg r12
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x50
    .seh_stackalloc 0x50
    mov     [rsp + 0x40], r15
    .seh_savereg r15, 0x40
    movaps  [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    .seh_endprologue
    xor     ebx, ebx
    xor     r12d, r12d
    xor     r15d, r15d
    xorps   xmm6, xmm6
    xor     ebp, ebp
    call    clobbering_leaf
    nop
    movaps  xmm6, [rsp + 0x20]
    mov     r15, [rsp + 0x40]
    add     rsp, 0x50
    pop     rbp
    pop     r12
    pop     rbx
    ret
    END

clobbering_leaf:
    xor     eax, eax
    ret

/* expect
left at each of 22 instructions, 0 times wrong
returned 0
*/

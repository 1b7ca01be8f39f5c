// SPDX-License-Identifier: MIT
// void CallWithFlags(struct call *call);
//
// Calls a routine with RFLAGS of the test's choice and notes what they are when it returns.

    .intel_syntax noprefix
    .text

// struct call; tests/conformance/accessors/bench.py has the same list.
    .set ROUTINE, 0x00
    .set ARGUMENTS, 0x08        // five
    .set FLAGS_BEFORE, 0x30
    .set FLAGS_AFTER, 0x38

    .globl  CallWithFlags
    .seh_proc CallWithFlags
CallWithFlags:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x30
    .seh_stackalloc 0x30
    .seh_endprologue
    mov     rbx, rcx
    mov     rax, [rbx + ARGUMENTS + 0x20]
    mov     [rsp + 0x20], rax
    mov     rcx, [rbx + ARGUMENTS]
    mov     rdx, [rbx + ARGUMENTS + 0x08]
    mov     r8, [rbx + ARGUMENTS + 0x10]
    mov     r9, [rbx + ARGUMENTS + 0x18]
    push    qword ptr [rbx + FLAGS_BEFORE]
    popfq
    call    qword ptr [rbx + ROUTINE]
    pushfq
    pop     r10
    cld
    mov     [rbx + FLAGS_AFTER], r10
    add     rsp, 0x30
    pop     rbx
    ret
    .seh_endproc

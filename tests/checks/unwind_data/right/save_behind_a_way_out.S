// SPDX-License-Identifier: MIT
// A save behind an early way out that does not need it, as Microsoft's compiler makes it: everything up to the save
// counts as prologue, branches, calls and a whole epilogue included.

    .intel_syntax noprefix
    .text

    .globl  save_behind_a_way_out
    .seh_proc save_behind_a_way_out
save_behind_a_way_out:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    mov     ebx, ecx
    call    doubled
    test    eax, eax
    jnz     .Lgoes_on
    add     rsp, 0x20
    pop     rbx
    ret
.Lgoes_on:
    mov     [rsp + 0x30], rdi
    .seh_savereg rdi, 0x30
    .seh_endprologue
    mov     edi, eax
    mov     ecx, ebx
    call    doubled
    add     eax, edi
    mov     rdi, [rsp + 0x30]
    add     rsp, 0x20
    pop     rbx
    ret
    .seh_endproc

    .globl  doubled
    .seh_proc doubled
doubled:
    lea     eax, [rcx + rcx]
    .seh_endprologue
    ret
    .seh_endproc

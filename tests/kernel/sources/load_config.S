// SPDX-License-Identifier: MIT
// What a Microsoft compiler and linker put into an image for its loader: a security cookie, the pointers of control
// flow guard, and the directory that names them. COOKIE is defined by whoever builds this.

    .intel_syntax noprefix

    .data
    .globl  __security_cookie
    .globl  other_data
    .balign 8
__security_cookie:
    .quad   COOKIE
other_data:
    .quad   0x00002B992DDFA232

    .section .rdata, "dr"
    .globl  check
    .globl  dispatch
    .globl  xfg_check
    .globl  xfg_dispatch
    .globl  xfg_table_dispatch
    .balign 8
check:
    .quad   nothing
dispatch:
    .quad   nothing
xfg_check:
    .quad   nothing
xfg_dispatch:
    .quad   nothing
xfg_table_dispatch:
    .quad   nothing

// IMAGE_LOAD_CONFIG_DIRECTORY64. The linker makes its directory entry point at the symbol of this name.
    .globl  _load_config_used
    .balign 8
_load_config_used:
    .long   0x140
    .fill   0x54, 1, 0
    .quad   __security_cookie   // 58h
    .quad   0, 0
    .quad   check               // 70h
    .quad   dispatch
    .quad   0, 0
    .long   0x100               // 90h: built with control flow guard
    .fill   0x84, 1, 0
    .quad   xfg_check           // 118h
    .quad   xfg_dispatch
    .quad   xfg_table_dispatch
    .quad   0, 0

    .text
nothing:
    int3

    .globl  cookie
cookie:
    mov     rax, [rip + __security_cookie]
    ret

// rcx = target, rdx = argument: what the compiler makes of an indirect call, once in each of the two forms.
    .globl  guarded_call
    .seh_proc guarded_call
guarded_call:
    push    rbx
    .seh_pushreg rbx
    push    rdi
    .seh_pushreg rdi
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rbx, rdx
    mov     rdi, rcx
    call    [rip + check]
    mov     rax, rcx
    mov     rcx, rbx
    call    rax
    mov     rcx, rax
    mov     rax, rdi
    call    [rip + dispatch]
    add     rsp, 0x28
    pop     rdi
    pop     rbx
    ret
    .seh_endproc

    .globl  twice
twice:
    lea     rax, [rcx + rcx]
    ret

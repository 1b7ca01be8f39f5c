// SPDX-License-Identifier: MIT
// Frames with a stack cookie: rcx = address to write to, rdx = what the cookie is spoilt with.

    .intel_syntax noprefix

#ifdef COOKIE
    .section .rdata, "dr"
    .globl  _load_config_used
    .balign 8
_load_config_used:
    .long   0x60
    .fill   0x54, 1, 0
    .quad   __security_cookie
#endif

    .data
    .balign 8
__security_cookie:
    .quad   0x00002B992DDFA232

    .set EHANDLER, 1
    .set UHANDLER, 2
    .set HAS_ALIGNMENT, 4

    .text

    .macro  PLAIN name, handler
    .globl  \name
    .seh_proc \name
    .seh_handler \handler, @unwind, @except
\name:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rax, [rip + __security_cookie]
    xor     rax, rsp
    xor     rax, rdx
    mov     [rsp + 0x20], rax
    mov     byte ptr [rcx], 1
    nop
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   0x20 | EHANDLER | UHANDLER
    .text
    .seh_endproc
    .endm

    PLAIN   gs_plain, __GSHandlerCheck
    PLAIN   gs_through_a_handler, own_plain_handler

    .globl  gs_frame_register
    .seh_proc gs_frame_register
    .seh_handler __GSHandlerCheck, @unwind, @except
gs_frame_register:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x40
    .seh_stackalloc 0x40
    lea     rbp, [rsp + 0x20]
    .seh_setframe rbp, 0x20
    .seh_endprologue
    mov     rax, [rip + __security_cookie]
    xor     rax, rbp
    xor     rax, rdx
    mov     [rsp + 0x28], rax
    mov     byte ptr [rcx], 1
    nop
    lea     rsp, [rbp + 0x20]
    pop     rbp
    ret
    .seh_handlerdata
    .long   0x28
    .text
    .seh_endproc

    .globl  gs_aligned
    .seh_proc gs_aligned
    .seh_handler __GSHandlerCheck, @unwind, @except
gs_aligned:
    push    rbp
    .seh_pushreg rbp
    sub     rsp, 0x80
    .seh_stackalloc 0x80
    lea     rbp, [rsp + 0x10]
    .seh_setframe rbp, 0x10
    .seh_endprologue
    lea     r10, [rsp + 0x40]
    and     r10, -64
    mov     rax, [rip + __security_cookie]
    xor     rax, rbp
    xor     rax, rdx
    mov     [r10 - 8], rax
    mov     byte ptr [rcx], 1
    nop
    lea     rsp, [rbp + 0x70]
    pop     rbp
    ret
    .seh_handlerdata
    .long   -8 | HAS_ALIGNMENT
    .long   0x40
    .long   64
    .text
    .seh_endproc

    .macro  WITH_SCOPES name, handler, flags
    .globl  \name
    .seh_proc \name
    .seh_handler \handler, @unwind, @except
\name:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     rax, [rip + __security_cookie]
    xor     rax, rsp
    xor     rax, rdx
    mov     [rsp + 0x20], rax
.Lbegin\@:
    mov     byte ptr [rcx], 1
    nop
.Lend\@:
    nop
.Lexcept\@:
    nop
    add     rsp, 0x28
    ret
    .seh_handlerdata
    .long   1
    .long   .Lbegin\@@IMGREL, .Lend\@@IMGREL, 1, .Lexcept\@@IMGREL
    .long   0x20 | \flags
    .text
    .seh_endproc
    .endm

    WITH_SCOPES gs_scopes, __GSHandlerCheck_SEH, 3
    WITH_SCOPES gs_scopes_not_asked, __GSHandlerCheck_SEH, 2
    WITH_SCOPES gs_scopes_through_a_handler, own_handler, 3

    .macro  HANDLER name, handler
    .globl  \name
    .seh_proc \name
\name:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    call    \handler
    nop
    add     rsp, 0x28
    ret
    .seh_endproc
    .endm

    HANDLER own_handler, __GSHandlerCheck_SEH
    HANDLER own_plain_handler, __GSHandlerCheck

// SPDX-License-Identifier: MIT
// A long jump out of a filter, in the middle of a search: its unwind passes the search's own frames and those of the
// exception, whose __finally blocks it runs, as far as the function that called _setjmpex.
#include "program.inc"

    .bss
    .balign 16
buffer:
    .zero   0x100

    FUNCTION longjmp_out_of_filter
    ENTER   0x28, rbx, rsi
    mov     ebx, 0x1234
    lea     rcx, [rip + buffer]
    mov     rdx, rsp
    call    _setjmpex
    test    eax, eax
    jnz     .Ljumped
    call    filtering
    nop
    int3
.Ljumped:
    NOTE    "jumped, %d, rbx %X", eax, ebx
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    END

    FUNCTION filtering, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    protected
    nop
.Lend:
    int3
    SCOPES
    EXCEPT  .Lbegin, .Lend, jumping, .Lend
    FINALLY .Lbegin, .Lend, around
    END

    FUNCTION protected, __C_specific_handler
    ENTER   0x20, rbx
    xor     ebx, ebx
.Lprotected_begin:
    mov     byte ptr [0x10], 0
.Lprotected_end:
    int3
    SCOPES
    FINALLY .Lprotected_begin, .Lprotected_end, within
    END

    FUNCTION jumping, seeing
    ENTER   0x28
    mov     rax, [rcx]
    NOTE    "filter jumping %08lX", [rax+RECORD_CODE]
    lea     rcx, [rip + buffer]
    mov     edx, 7
    call    longjmp
    int3
    END

    PASSING_HANDLER seeing
    FINALLY_BLOCK within
    FINALLY_BLOCK around

/* expect
filter jumping C0000005
handler seeing 80000026, flags 02
finally within, abnormal 1
finally around, abnormal 1
jumped, 7, rbx 1234
returned 1
*/

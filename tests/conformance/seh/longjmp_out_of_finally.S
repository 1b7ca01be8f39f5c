// SPDX-License-Identifier: MIT
// A long jump out of a __finally that an unwind runs: the jump's own unwind collides, does what was left to do on the
// way, and the __except that had accepted the exception is never reached.
#include "program.inc"

    .bss
    .balign 16
buffer:
    .zero   0x100

    FUNCTION longjmp_out_of_finally, __C_specific_handler
    ENTER   0x28, rbx, rsi
    mov     ebx, 0x1234
    lea     rcx, [rip + buffer]
    mov     rdx, rsp
    call    _setjmpex
    test    eax, eax
    jnz     .Ljumped
.Lbegin:
    call    protected
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "not reached: except"
    int3
.Ljumped:
    NOTE    "jumped, %d, rbx %X", eax, ebx
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    END

    FUNCTION protected, __C_specific_handler
    ENTER   0x20, rbx
    xor     ebx, ebx
.Lprotected_begin:
    mov     byte ptr [0x10], 0
.Lprotected_end:
    int3
    SCOPES
    FINALLY .Lprotected_begin, .Lprotected_end, jumping
    FINALLY .Lprotected_begin, .Lprotected_end, outer
    END

    FUNCTION jumping
    ENTER   0x28
    movzx   edx, cl
    NOTE    "finally jumping, abnormal %d", edx
    lea     rcx, [rip + buffer]
    mov     edx, 7
    call    longjmp
    int3
    END

    FINALLY_BLOCK outer
    FILTER  accepting, 1

/* expect
filter accepting C0000005 answers 1
finally jumping, abnormal 1
finally outer, abnormal 1
jumped, 7, rbx 1234
returned 1
*/

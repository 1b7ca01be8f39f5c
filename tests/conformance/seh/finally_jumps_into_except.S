// SPDX-License-Identifier: MIT
// A __finally jumps to the body of an __except of its own function. The jump leaves that __except's __try, and its walk
// over the scopes ends there: a scope behind it that does not hold the body is not looked at any more.
#include "program.inc"

    FUNCTION finally_jumps_into_except, __C_specific_handler
    ENTER   0x28
.Lbegin:
    RAISE   0xE0000001
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
.Loutermost:
    NOTE    "not reached: the __except that accepted"
    int3
    SCOPES
    FINALLY .Lbegin, .Lend, jumps
    EXCEPT  .Lbegin, .Lend, passing, .Lexcept
    FINALLY .Lbegin, .Lend, behind
    EXCEPT  .Lbegin, .Lend, accepting, .Loutermost
    END

    FUNCTION jumps
    ENTER   0x20, rbx
    mov     rbx, rdx
    movzx   edx, cl
    NOTE    "finally jumps, abnormal %d", edx
    mov     rcx, rbx
    lea     rdx, [rip + .Lexcept]
    call    _local_unwind
    int3
    END

    FINALLY_BLOCK behind
    FILTER  passing, 0
    FILTER  accepting, 1

/* expect
filter passing E0000001 answers 0
filter accepting E0000001 answers 1
finally jumps, abnormal 1
except
returned 1
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter passing E0000001 answers 0
filter accepting E0000001 answers 1
finally jumps, abnormal 1
finally behind, abnormal 1
except
returned 1
*/

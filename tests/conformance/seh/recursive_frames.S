// SPDX-License-Identifier: MIT
// Three frames of one function, the outermost of which accepts: in the others the target's address lies within the same
// scopes and is the same __except, but they are not the target's frame, so every __finally of theirs runs.
#include "program.inc"

    .set DEPTH, 0x20

    FUNCTION recursive_frames
    ENTER   0x28
    mov     ecx, 1
    call    recursive
    nop
    LEAVE   0x28
    END

    FUNCTION recursive, __C_specific_handler
    ENTER   0x38
    mov     [rsp + DEPTH], ecx
.Louter_begin:
.Lbegin:
    inc     ecx
    cmp     ecx, 4
    je      .Lfault
    call    recursive
    nop
.Lfault:
    mov     byte ptr [0x10], 0
.Lend:
    int3
.Lexcept:
    NOTE    "except at depth %d", [rsp+DEPTH]
.Louter_end:
    RUN_FINALLY outer
    mov     eax, [rsp + DEPTH]
    LEAVE   0x38
    SCOPES
    FINALLY .Lbegin, .Lend, inner
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    FINALLY .Lbegin, .Lend, behind
    FINALLY .Louter_begin, .Louter_end, outer
    END

    .macro  DEPTH_FINALLY name
    FUNCTION \name
    ENTER   0x28
    movzx   r8d, cl
    NOTE    "finally \name at depth %d, abnormal %d", [rdx+DEPTH], r8d
    LEAVE   0x28
    END
    .endm

    DEPTH_FINALLY inner
    DEPTH_FINALLY behind
    DEPTH_FINALLY outer

    FUNCTION accepting
    ENTER   0x20, rbx
    xor     ebx, ebx
    cmp     dword ptr [rdx + DEPTH], 1
    sete    bl
    NOTE    "filter at depth %d answers %d", [rdx+DEPTH], ebx
    mov     eax, ebx
    LEAVE   0x20, rbx
    END

/* expect
filter at depth 3 answers 0
filter at depth 2 answers 0
filter at depth 1 answers 1
finally inner at depth 3, abnormal 1
finally behind at depth 3, abnormal 1
finally outer at depth 3, abnormal 1
finally inner at depth 2, abnormal 1
finally behind at depth 2, abnormal 1
finally outer at depth 2, abnormal 1
finally inner at depth 1, abnormal 1
except at depth 1
finally outer at depth 1, abnormal 0
returned 1
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter at depth 3 answers 0
filter at depth 2 answers 0
filter at depth 1 answers 1
finally inner at depth 3, abnormal 1
finally behind at depth 3, abnormal 1
finally outer at depth 3, abnormal 1
finally inner at depth 2, abnormal 1
finally behind at depth 2, abnormal 1
finally outer at depth 2, abnormal 1
finally inner at depth 1, abnormal 1
finally behind at depth 1, abnormal 1
except at depth 1
finally outer at depth 1, abnormal 0
returned 1
*/

// SPDX-License-Identifier: MIT
// An unwind without a target frame leaves every frame of the stack: handlers see EXCEPTION_EXIT_UNWIND and no target,
// each __finally runs, no __except is landed in. Behind the last frame the record is raised as one nobody handles.
#include "program.inc"

    FUNCTION exit_unwind, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    middle
    nop
.Lend:
    int3
    SCOPES
    FINALLY .Lbegin, .Lend, outer
    EXCEPT  .Lbegin, .Lend, not_asked, .Lend
    END

    CALLING_FRAME middle, leaving, passing

    FUNCTION leaving, __C_specific_handler
    ENTER   RECORD_SIZE + 0x30, rbx, rdi
    lea     rdi, [rsp + 0x20]
    mov     ecx, RECORD_SIZE
    xor     eax, eax
    rep stosb
    mov     dword ptr [rsp + 0x20 + RECORD_CODE], 0xE0000001
.Lleaving_begin:
    xor     ecx, ecx
    xor     edx, edx
    lea     r8, [rsp + 0x20]
    xor     r9d, r9d
    call    RtlUnwind
    nop
.Lleaving_end:
    int3
    SCOPES
    FINALLY .Lleaving_begin, .Lleaving_end, inner
    END

    FINALLY_BLOCK inner
    FINALLY_BLOCK outer
    PASSING_HANDLER passing
    FILTER  not_asked, 1

/* expect kernel: nothing is left of a user process whose exception has no handler
finally inner, abnormal 1
handler passing E0000001, flags 06
finally outer, abnormal 1
bugchecked 1E E0000001
*/

// SPDX-License-Identifier: MIT
// A stack cookie that was overwritten is found when an exception passes its frame, before any scope of the function is
// looked at: the stack cannot be trusted any more, so the kernel stops.
#include "program.inc"

    FUNCTION gs_bad_cookie, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    overrun
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "not reached: except"
    LEAVE   0x28
    SCOPES
    EXCEPT_ALWAYS .Lbegin, .Lend, .Lexcept
    END

    FUNCTION overrun, __GSHandlerCheck_SEH
    ENTER   0x38
    mov     rax, 0x4141414141414141
    mov     [rsp + 0x28], rax
.Loverrun_begin:
    NOTE    "body"
    mov     byte ptr [0x10], 0
.Loverrun_end:
    int3
    .seh_handlerdata
    .long   1
    EXCEPT  .Loverrun_begin, .Loverrun_end, not_asked, .Loverrun_end
    .long   0x28 | 3
    END

    FILTER  not_asked, 1

/* expect kernel: a user process would be ended, not the system
body
bugchecked 139 2
*/

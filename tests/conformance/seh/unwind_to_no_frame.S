// SPDX-License-Identifier: MIT
// An unwind whose target is no frame: the walk notices when it stands in a frame past it, and raises a status there.
// By then the handlers of the frames before have run.
#include "program.inc"

    FUNCTION unwind_to_no_frame, __C_specific_handler
    ENTER   0x28
.Lbegin:
    call    unwinding
    nop
.Lend:
    int3
.Lexcept:
    NOTE    "except"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT  .Lbegin, .Lend, accepting, .Lexcept
    END

    FUNCTION unwinding, passing
    ENTER   0x48
    lea     rcx, [rsp + 0x20]       // within this frame, but not where it begins
    lea     rdx, [rip + unwinding]
    xor     r8d, r8d
    xor     r9d, r9d
    call    RtlUnwind
    int3
    END

    PASSING_HANDLER passing
    FILTER  accepting, 1

/* expect
handler passing C0000027, flags 02
handler passing C0000028, flags 01
filter accepting C0000028 answers 1
handler passing C0000028, flags 02
except
returned 1
*/

/* expect wine: it raises STATUS_INVALID_UNWIND_TARGET, and its unwind keeps the record's flags beside its own
handler passing C0000027, flags 02
handler passing C0000029, flags 01
filter accepting C0000029 answers 1
handler passing C0000029, flags 03
except
returned 1
*/

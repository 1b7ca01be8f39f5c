// SPDX-License-Identifier: MIT
// The raises, of the library; and the one for a routine of the user's own.

#include "umaccess.inc"
#include "raise.inc"

// void UmaRaiseAccessViolation(ULONG Operation, void *Address);
//      ecx = 0 for a read, 1 for a write; rdx = the first byte that is not a user address. Returns where a filter
//      answers EXCEPTION_CONTINUE_EXECUTION.
    FUNCTION UmaRaiseAccessViolation
    .seh_endprologue
    mov     eax, ecx
    mov     r10, rdx
    jmp     UmaRaiseNotUser
    .seh_endproc

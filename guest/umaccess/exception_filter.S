// SPDX-License-Identifier: MIT
// LONG UmaExceptionFilter(KPROCESSOR_MODE Mode);
//      cl = Mode. EXCEPTION_CONTINUE_SEARCH (0) for KernelMode, EXCEPTION_EXECUTE_HANDLER (1) for UserMode, whatever
//      the exception is.

#include "umaccess.inc"

    FUNCTION UmaExceptionFilter
    .seh_endprologue
    xor     eax, eax
    test    cl, cl
    setnz   al
    ret
    .seh_endproc

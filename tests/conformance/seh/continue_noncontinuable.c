/* SPDX-License-Identifier: MIT */
/* A filter that continues what cannot be continued makes the dispatcher raise an exception of its own, which the same
   filter is asked about. */
#include "program.h"

static long continues_first(EXCEPTION_RECORD const *record)
{
    show(record);
    return record->ExceptionCode == 0xC0000025 ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_EXECUTION;
}

long continue_noncontinuable(void)
{
    __try {
        raise(0xE0000001, EXCEPTION_NONCONTINUABLE, 5);
        note("not reached");
    } __except (continues_first(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
exception E0000001, flags 1
parameter 5
exception C0000025, flags 1
except
returned 0
*/

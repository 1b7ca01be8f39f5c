/* SPDX-License-Identifier: MIT */
/* A filter may forbid continuing by the flag in the record; it then stays forbidden for the filters further up. */
#include "program.h"

static __attribute__((noinline)) long forbid(EXCEPTION_RECORD *record)
{
    note("forbids");
    record->ExceptionFlags |= EXCEPTION_NONCONTINUABLE;
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) void inner(void)
{
    __try {
        raise(0xE0000002, 0, 1);
    } __except (forbid(GetExceptionInformation()->ExceptionRecord)) {
        note("not reached");
    }
}

static long continues_first(EXCEPTION_RECORD const *record)
{
    show(record);
    return record->ExceptionCode == 0xC0000025 ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_EXECUTION;
}

long filter_sets_noncontinuable(void)
{
    __try {
        inner();
    } __except (continues_first(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
forbids
exception E0000002, flags 1
parameter 1
forbids
exception C0000025, flags 1
except
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* An exception in a filter is marked as nested for the frames below the one whose filter it was and for that frame; the
   frames above see an ordinary one. */
#include "program.h"

static __attribute__((noinline)) long faulting_filter(EXCEPTION_RECORD const *record)
{
    note("inner %08lX, flags %lX", record->ExceptionCode, record->ExceptionFlags);
    if (record->ExceptionCode == 0xE0000001)
        raise(0xE0000002, 0, 0);
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) long asked_between(EXCEPTION_RECORD const *record)
{
    note("between %08lX, flags %lX", record->ExceptionCode, record->ExceptionFlags);
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __except (asked_between(GetExceptionInformation()->ExceptionRecord)) {
        note("not reached");
    }
}

static __attribute__((noinline)) void inner(void)
{
    __try {
        raising();
    } __except (faulting_filter(GetExceptionInformation()->ExceptionRecord)) {
        note("not reached");
    }
}

long nested_call_flag(void)
{
    __try {
        inner();
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
between E0000001, flags 0
inner E0000001, flags 0
between E0000002, flags 10
inner E0000002, flags 10
exception E0000002, flags 0
parameter 0
except
returned 0
*/

/* expect wine: it takes the flag away before it asks that frame, not behind it
between E0000001, flags 0
inner E0000001, flags 0
between E0000002, flags 10
inner E0000002, flags 0
exception E0000002, flags 0
parameter 0
except
returned 0
*/

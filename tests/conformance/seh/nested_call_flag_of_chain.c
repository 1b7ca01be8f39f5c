/* SPDX-License-Identifier: MIT */
/* A filter raises, and so does the filter that is asked of that further up: the third exception is marked as nested
   up to the highest frame whose filter is still running, the second only up to its own. */
#include "program.h"

static __attribute__((noinline)) long note_flags(char const *name, EXCEPTION_RECORD const *record,
                                                 unsigned long raises_for)
{
    note("%s %08lX, flags %lX", name, record->ExceptionCode, record->ExceptionFlags);
    if (record->ExceptionCode == raises_for)
        raise(raises_for + 1, 0, 0);
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) void innermost(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __except (note_flags("innermost", GetExceptionInformation()->ExceptionRecord, 0)) {
        note("not reached");
    }
}

static __attribute__((noinline)) void lower(void)
{
    __try {
        innermost();
    } __except (note_flags("lower", GetExceptionInformation()->ExceptionRecord, 0xE0000001)) {
        note("not reached");
    }
}

static __attribute__((noinline)) void upper(void)
{
    __try {
        lower();
    } __except (note_flags("upper", GetExceptionInformation()->ExceptionRecord, 0xE0000002)) {
        note("not reached");
    }
}

long nested_call_flag_of_chain(void)
{
    __try {
        upper();
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
innermost E0000001, flags 0
lower E0000001, flags 0
innermost E0000002, flags 10
lower E0000002, flags 10
upper E0000002, flags 0
innermost E0000003, flags 10
lower E0000003, flags 10
upper E0000003, flags 10
exception E0000003, flags 0
parameter 0
except
returned 0
*/

/* expect wine: the flag is taken away there before the lowest frame is asked whose filter is still running
innermost E0000001, flags 0
lower E0000001, flags 0
innermost E0000002, flags 10
lower E0000002, flags 0
upper E0000002, flags 0
innermost E0000003, flags 10
lower E0000003, flags 0
upper E0000003, flags 0
exception E0000003, flags 0
parameter 0
except
returned 0
*/

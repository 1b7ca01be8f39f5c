/* SPDX-License-Identifier: MIT */
/* A __finally raises in an unwind, and the filter of the same function raises again when it is asked of that. The third
   exception comes back to that frame by way of the collided unwind: it is nested there, and not above. */
#include "program.h"

static __attribute__((noinline)) long note_flags(char const *name, EXCEPTION_RECORD const *record, long answer)
{
    note("%s %08lX, flags %lX", name, record->ExceptionCode, record->ExceptionFlags);
    if (record->ExceptionCode == 0xE0000002)
        raise(0xE0000003, 0, 0);
    return answer;
}

static __attribute__((noinline)) void nest(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __finally {
            note("finally raises");
            raise(0xE0000002, 0, 0);
        }
    } __except (note_flags("own", GetExceptionInformation()->ExceptionRecord, EXCEPTION_CONTINUE_SEARCH)) {
        note("not reached");
    }
}

long nested_call_flag_across_collision(void)
{
    __try {
        nest();
    } __except (note_flags("caller", GetExceptionInformation()->ExceptionRecord, EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
own E0000001, flags 0
caller E0000001, flags 0
finally raises
own E0000002, flags 0
own E0000003, flags 10
caller E0000003, flags 0
except
returned 0
*/

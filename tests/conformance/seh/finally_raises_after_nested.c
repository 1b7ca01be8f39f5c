/* SPDX-License-Identifier: MIT */
/* A collision behind a nested exception: a filter raises, and the unwind for that runs a __finally of the frame whose
   first exception is still being searched; this raises again. */
#include "program.h"

static __attribute__((noinline)) long raising_filter(unsigned long code)
{
    note("filter asked of %08lX", code);
    if (code == 0xE0000001)
        raise(0xE0000002, 0, 0);
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) void filtering(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __finally {
            note("finally raises");
            raise(0xE0000003, 0, 0);
        }
    } __except (raising_filter(GetExceptionCode())) {
        note("not reached");
    }
}

long finally_raises_after_nested(void)
{
    __try {
        filtering();
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter asked of E0000001
filter asked of E0000002
filter own E0000002 answers 1
finally raises
filter asked of E0000003
filter own E0000003 answers 1
except
returned 0
*/

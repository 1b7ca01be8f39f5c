/* SPDX-License-Identifier: MIT */
/* The exception of a filter is first asked of the frames below that filter's, which are still there: the one that
   raised the first exception takes the second, and everything that was open is dropped. */
#include "program.h"

static __attribute__((noinline)) long raising_filter(unsigned long code)
{
    note("upper filter asked of %08lX", code);
    raise(0xE0000002, 0, 0);
    note("not reached");
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) int lower(void)
{
    int reached = 0;
    __try {
        __try {
            reached = 1;
            raise(0xE0000001, 0, 0);
            reached = 2;
        } __finally {
            note("finally, reached %d", reached);
        }
    } __except (filter("lower", GetExceptionCode(), GetExceptionCode() == 0xE0000002)) {
        note("lower except");
    }
    return reached;
}

long nested_exception_taken_below(void)
{
    long reached = 0;
    __try {
        reached = lower();
        note("lower returned");
    } __except (raising_filter(GetExceptionCode())) {
        note("not reached");
    }
    return reached;
}

/* expect
filter lower E0000001 answers 0
upper filter asked of E0000001
filter lower E0000002 answers 1
finally, reached 1
lower except
lower returned
returned 1
*/

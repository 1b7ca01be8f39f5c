/* SPDX-License-Identifier: MIT */
/* The exception of a __finally is taken by a frame below the one that the unwind was on its way to: the old exception
   is forgotten, and that frame goes on as if it had never been. */
#include "program.h"

static __attribute__((noinline)) void replacing(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("finally raises");
        raise(0xE0000002, 0, 0);
    }
}

static __attribute__((noinline)) int between(void)
{
    __try {
        replacing();
    } __except (filter("between", GetExceptionCode(), GetExceptionCode() == 0xE0000002)) {
        note("except between");
    }
    note("goes on");
    return 5;
}

long finally_raises_before_target(void)
{
    long value = 0;
    __try {
        value = between();
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return value;
}

/* expect
filter between E0000001 answers 0
filter outer E0000001 answers 1
finally raises
filter between E0000002 answers 1
except between
goes on
returned 5
*/

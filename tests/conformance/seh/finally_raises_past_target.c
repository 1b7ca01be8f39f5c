/* SPDX-License-Identifier: MIT */
/* The __try that had taken the first exception refuses the one that a __finally raises on the way to it: its body never
   runs, and the unwind goes past it. */
#include "program.h"

static __attribute__((noinline)) void replacing(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("finally faults");
        read_nowhere();
    }
}

static __attribute__((noinline)) void choosy(void)
{
    __try {
        __try {
            replacing();
        } __except (filter("choosy", GetExceptionCode(), GetExceptionCode() == 0xE0000001)) {
            note("not reached");
        }
    } __finally {
        note("finally around the choosy one");
    }
}

long finally_raises_past_target(void)
{
    __try {
        choosy();
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter choosy E0000001 answers 1
finally faults
filter choosy C0000005 answers 0
filter own C0000005 answers 1
finally around the choosy one
except
returned 0
*/

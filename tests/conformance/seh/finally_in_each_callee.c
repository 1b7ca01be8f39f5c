/* SPDX-License-Identifier: MIT */
/* Calls with a __finally in every frame, and an exception one, two and three deep: the whole search comes first, then
   the frames that were entered are unwound, from the innermost to the one that takes the exception. */
#include "program.h"

static __attribute__((noinline)) int third(int wanted, int value)
{
    __try {
        raise_at(wanted, 3);
        value *= 2;
    } __finally {
        note("third finally, value %d", value);
    }
    return value;
}

static __attribute__((noinline)) int second(int wanted, int value)
{
    __try {
        raise_at(wanted, 2);
        value += third(wanted, value + 1);
    } __finally {
        note("second finally, value %d", value);
    }
    return value;
}

static __attribute__((noinline)) int first(int wanted, int value)
{
    __try {
        raise_at(wanted, 1);
        value += second(wanted, value + 1);
    } __finally {
        note("first finally, value %d", value);
    }
    return value;
}

long finally_in_each_callee(void)
{
    long reached = 0;
    for (int wanted = 1; wanted <= 4; ++wanted) {
        __try {
            reached = first(wanted, 1);
            note("nothing raised");
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except, reached %ld", reached);
        }
    }
    return reached;
}

/* expect
filter own E0000001 answers 1
first finally, value 1
except, reached 0
filter own E0000002 answers 1
second finally, value 2
first finally, value 1
except, reached 0
filter own E0000003 answers 1
third finally, value 3
second finally, value 2
first finally, value 1
except, reached 0
third finally, value 6
second finally, value 8
first finally, value 9
nothing raised
returned 9
*/

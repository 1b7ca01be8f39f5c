/* SPDX-License-Identifier: MIT */
/* Three calls deep, a __finally in every frame: the whole search comes first, then the frames are unwound from the
   innermost to the one that takes the exception. */
#include "program.h"

static __attribute__((noinline)) int third(int value)
{
    __try {
        value += read_nowhere();
    } __finally {
        note("third finally, value %d", value);
    }
    return value;
}

static __attribute__((noinline)) int second(int value)
{
    __try {
        value += third(value + 1);
    } __finally {
        note("second finally, value %d", value);
    }
    return value;
}

static __attribute__((noinline)) int first(int value)
{
    __try {
        value += second(value + 1);
    } __finally {
        note("first finally, value %d", value);
    }
    return value;
}

long finally_in_each_callee(void)
{
    long reached = 0;
    __try {
        __try {
            reached = first(1);
        } __finally {
            note("own finally");
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return reached;
}

/* expect
filter own C0000005 answers 1
third finally, value 3
second finally, value 2
first finally, value 1
own finally
except
returned 0
*/

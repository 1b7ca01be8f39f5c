/* SPDX-License-Identifier: MIT */
/* Three functions that know nothing of exceptions are unwound between the fault and the function that takes it. */
#include "program.h"

static __attribute__((noinline)) int third(int value)
{
    int volatile local = value * 2;
    return local + read_nowhere();
}

static __attribute__((noinline)) int second(int value)
{
    int volatile local = value + 1;
    return third(local) + local;
}

static __attribute__((noinline)) int first(int value)
{
    int volatile local = value + 1;
    return second(local) + local;
}

long fault_three_calls_deep(void)
{
    long volatile kept = 5;
    __try {
        note("calls");
        kept = first(1);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except, kept %ld", kept);
    }
    return kept;
}

/* expect
calls
filter own C0000005 answers 1
except, kept 5
returned 5
*/

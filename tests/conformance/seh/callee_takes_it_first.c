/* SPDX-License-Identifier: MIT */
/* The innermost __try that is willing takes the exception: its callers are not asked, their __finally blocks end
   normally, and the callee returns as it would have. */
#include "program.h"

static __attribute__((noinline)) int careful(int value)
{
    __try {
        value += read_nowhere();
    } __except (filter("callee", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        value += 100;
    }
    return value;
}

static __attribute__((noinline)) int between(int value)
{
    __try {
        value = careful(value + 1);
    } __finally {
        note("finally, value %d, abnormal %d", value, AbnormalTermination());
    }
    return value;
}

long callee_takes_it_first(void)
{
    long value = 1;
    __try {
        value = between(value);
        note("value %ld", value);
    } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return value;
}

/* expect
filter callee C0000005 answers 1
finally, value 102, abnormal 0
value 102
returned 66
*/

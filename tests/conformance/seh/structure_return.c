/* SPDX-License-Identifier: MIT */
/* A structure is returned through a hidden pointer, which the function's __except still has. */
#include "program.h"

struct triple {
    long long first, second, third;
};

static __attribute__((noinline)) struct triple make(long long value)
{
    struct triple result = {value, 0, 0};
    __try {
        result.second = value + 1;
        result.third = read_nowhere();
    } __except (filter("make", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        result.third = -1;
    }
    return result;
}

static __attribute__((noinline)) struct triple fail(long long value)
{
    struct triple result = {value, value, value};
    result.third += read_nowhere();
    return result;
}

long structure_return(void)
{
    struct triple result = make(10);
    note("made %lld %lld %lld", result.first, result.second, result.third);
    __try {
        result = fail(20);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return (long)result.first;
}

/* expect
filter make C0000005 answers 1
made 10 11 -1
filter own C0000005 answers 1
except
returned A
*/

/* SPDX-License-Identifier: MIT */
/* `return f();` in an __except body may be a jump out of the frame: the __try is over either way, and never takes what
   the called function raises. In a __try body it may not be one, since the __finally comes behind the call. */
#include "program.h"

static __attribute__((noinline)) int raise_second(int value)
{
    raise(0xE0000002, 0, 0);
    return value + 1;
}

static __attribute__((noinline)) int out_of_except(int value)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __except (filter("first", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        return raise_second(value);
    }
    return value;
}

static __attribute__((noinline)) int out_of_body(int value)
{
    __try {
        return raise_second(value);
    } __finally {
        note("finally");
    }
}

long tail_call_out_of_except(void)
{
    static int (*const volatile functions[])(int) = {out_of_except, out_of_body};
    static long const volatile answers[] = {EXCEPTION_CONTINUE_EXECUTION, EXCEPTION_EXECUTE_HANDLER};
    for (int volatile index = 0; index < 4; ++index) {
        __try {
            note("returned %d", functions[index / 2](index));
        } __except (filter("own", GetExceptionCode(), answers[index % 2])) {
            note("except");
        }
    }
    return 0;
}

/* expect
filter first E0000001 answers 1
filter own E0000002 answers -1
returned 1
filter first E0000001 answers 1
filter own E0000002 answers 1
except
filter own E0000002 answers -1
finally
returned 3
filter own E0000002 answers 1
finally
except
returned 0
*/

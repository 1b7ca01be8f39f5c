// SPDX-License-Identifier: MIT
// Functions with __try blocks, and every way out of them.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static volatile long finally_ran;

static __attribute__((noinline)) long answer_with(long answer)
{
    return answer;
}

static __attribute__((noinline)) char touch(char const volatile *from)
{
    return *from;
}

long guarded_read(char const volatile *from, long answer)
{
    long result = 0;
    __try {
        __try {
            result = touch(from);
        } __finally {
            finally_ran = finally_ran + 1;
        }
    } __except (answer_with(answer)) {
        result = -1;
    }
    return result;
}

long always_taken(char const volatile *from)
{
    __try {
        return touch(from);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return -1;
    }
}

long never_called(void)
{
    return finally_ran;
}

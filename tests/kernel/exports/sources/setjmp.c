// SPDX-License-Identifier: MIT
// setjmp and longjmp as the headers declare them.

#include <ntddk.h>
#include <setjmp.h>

static jmp_buf buffer;
static volatile int finally_runs;

static __attribute__((noinline)) void jump(int value)
{
    longjmp(buffer, value);
}

static __attribute__((noinline)) void protected_jump(int value)
{
    __try {
        jump(value);
    } __finally {
        finally_runs = finally_runs + 1;
    }
}

int jumped(int value)
{
    int result = setjmp(buffer);
    if (result) {
        return result;
    }
    protected_jump(value);
    return -1;
}

int runs_of_finally(void)
{
    return finally_runs;
}

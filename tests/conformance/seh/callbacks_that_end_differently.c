/* SPDX-License-Identifier: MIT */
/* A table of callbacks, called with a lock held: one returns, one leaves, one takes its own exception, one lets it
   pass. The caller's __finally gives the lock back each time, and knows how the callback ended. */
#include "program.h"

static int locks;

static int returning(void)
{
    return 1;
}

static int leaving(void)
{
    int value = 2;
    __try {
        if (locks)
            __leave;
        value = 0;
    } __finally {
        value += 10;
    }
    return value;
}

static int recovering(void)
{
    __try {
        return read_nowhere();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 3;
    }
}

static int failing(void)
{
    raise(0xE0000004, 0, 0);
    return 4;
}

static __attribute__((noinline)) int locked_call(int (*callback)(void))
{
    int result = 0;
    ++locks;
    __try {
        result = callback();
    } __finally {
        --locks;
        note("result %d, locks %d, abnormal %d", result, locks, AbnormalTermination());
    }
    return result;
}

long callbacks_that_end_differently(void)
{
    static int (*const volatile callbacks[])(void) = {returning, leaving, recovering, failing, returning};
    long sum = 0;
    for (int index = 0; index < 5; ++index) {
        __try {
            sum += locked_call(callbacks[index]);
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
    }
    return sum;
}

/* expect
result 1, locks 0, abnormal 0
result 12, locks 0, abnormal 0
result 3, locks 0, abnormal 0
filter own E0000004 answers 1
result 0, locks 0, abnormal 1
except
result 1, locks 0, abnormal 0
returned 11
*/

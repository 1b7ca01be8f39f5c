/* SPDX-License-Identifier: MIT */
/* A __finally that raises while it is unwound: the new exception takes the place of the old one. The same __except is
   asked again and entered once, and of the __finally blocks that the old unwind had before it, each runs once. */
#include "program.h"

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("first finally");
    }
}

static __attribute__((noinline)) void replacing(void)
{
    __try {
        raising();
    } __finally {
        note("second finally raises, abnormal %d", AbnormalTermination());
        raise(0xE0000002, 0, 0);
        note("not reached");
    }
}

static __attribute__((noinline)) void between(void)
{
    __try {
        replacing();
    } __finally {
        note("third finally, abnormal %d", AbnormalTermination());
    }
}

long finally_raises(void)
{
    __try {
        between();
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter own E0000001 answers 1
first finally
second finally raises, abnormal 1
filter own E0000002 answers 1
third finally, abnormal 1
except
returned 0
*/

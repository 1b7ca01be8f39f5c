/* SPDX-License-Identifier: MIT */
/* A __finally inside a __finally: while the outer one runs for an exception, the inner __try ends normally. */
#include "program.h"

static __attribute__((noinline)) void cleaning_up(int fails)
{
    __try {
        if (fails)
            raise(0xE0000001, 0, 0);
    } __finally {
        note("outer finally, abnormal %d", AbnormalTermination());
        __try {
            note("body in finally");
        } __finally {
            note("inner finally, abnormal %d", AbnormalTermination());
        }
        note("outer finally ends, abnormal %d", AbnormalTermination());
    }
}

long finally_in_finally(void)
{
    __try {
        cleaning_up(0);
        cleaning_up(1);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
outer finally, abnormal 0
body in finally
inner finally, abnormal 0
outer finally ends, abnormal 0
filter own E0000001 answers 1
outer finally, abnormal 1
body in finally
inner finally, abnormal 0
outer finally ends, abnormal 1
except
returned 0
*/

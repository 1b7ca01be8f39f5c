/* SPDX-License-Identifier: MIT */
/* A __try inside a __finally may be left by __leave, and loops there by `break` and `continue`: none of them leaves the
   __finally, in which an exception is being unwound. */
#include "program.h"

static __attribute__((noinline)) void cleaning_up(int fails)
{
    int count = 0;
    __try {
        if (fails)
            raise(0xE0000001, 0, 0);
    } __finally {
        for (;;) {
            if (++count < 3)
                continue;
            break;
        }
        __try {
            if (count == 3)
                __leave;
            note("not reached");
        } __finally {
            note("inner finally, count %d, abnormal %d", count, AbnormalTermination());
        }
        note("outer finally, abnormal %d", AbnormalTermination());
    }
    note("behind");
}

long leave_in_finally(void)
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
inner finally, count 3, abnormal 0
outer finally, abnormal 0
behind
filter own E0000001 answers 1
inner finally, count 3, abnormal 0
outer finally, abnormal 1
except
returned 0
*/

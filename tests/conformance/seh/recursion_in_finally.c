/* SPDX-License-Identifier: MIT */
/* A __finally calls the function that it belongs to, in an unwind: unwinds within unwinds, each of which lands before
   the one around it goes on. */
#include "program.h"

static __attribute__((noinline)) void clean_up(int depth)
{
    __try {
        raise(0xE0000000 + depth, 0, 0);
    } __finally {
        note("finally %d begins", depth);
        if (depth < 3) {
            __try {
                clean_up(depth + 1);
            } __except (filter("in finally", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
                note("except in finally %d", depth);
            }
        }
        note("finally %d ends, abnormal %d", depth, AbnormalTermination());
    }
}

long recursion_in_finally(void)
{
    __try {
        clean_up(1);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter own E0000001 answers 1
finally 1 begins
filter in finally E0000002 answers 1
finally 2 begins
filter in finally E0000003 answers 1
finally 3 begins
finally 3 ends, abnormal 1
except in finally 2
finally 2 ends, abnormal 1
except in finally 1
finally 1 ends, abnormal 1
except
returned 0
*/

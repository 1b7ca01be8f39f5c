/* SPDX-License-Identifier: MIT */
/* A constant filter that continues: the raise returns, the rest of the __try body runs, and nothing is unwound. */
#include "program.h"

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 0);
        note("behind the raise");
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
}

long except_minus_one(void)
{
    long volatile reached = 0;
    __try {
        raising();
        reached = 1;
    } __except (EXCEPTION_CONTINUE_EXECUTION) {
        note("not reached");
    }
    return reached;
}

/* expect
behind the raise
finally, abnormal 0
returned 1
*/

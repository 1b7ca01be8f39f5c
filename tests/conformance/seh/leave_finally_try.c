/* SPDX-License-Identifier: MIT */
/* __leave ends a __try body normally: the __finally runs and is told so. That is what sets it apart from every other
   jump out of the body. */
#include "program.h"

static __attribute__((noinline)) void leaving(int early)
{
    __try {
        if (early)
            __leave;
        note("whole body");
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
    note("behind");
}

long leave_finally_try(void)
{
    leaving(1);
    leaving(0);
    __try {
        __leave;
    } __finally {
        note("finally of an immediate leave, abnormal %d", AbnormalTermination());
    }
    return 0;
}

/* expect
finally, abnormal 0
behind
whole body
finally, abnormal 0
behind
finally of an immediate leave, abnormal 0
returned 0
*/

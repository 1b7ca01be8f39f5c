/* SPDX-License-Identifier: MIT */
/* An unwind without a target frame is an exit unwind: every __finally of the stack runs, no __except is entered, and
   when the stack is at its end, the exception is raised once more, for nobody to handle. */
#include "program.h"

static __attribute__((noinline)) void exits(void)
{
    CONTEXT scratch;
    __try {
        RtlUnwindEx(NULL, NULL, NULL, NULL, &scratch, NULL);
        note("not reached");
    } __finally {
        note("finally inner, abnormal %d", AbnormalTermination());
    }
}

long unwind_without_target(void)
{
    __try {
        __try {
            exits();
        } __finally {
            note("finally outer, abnormal %d", AbnormalTermination());
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return 0;
}

/* expect kernel: a user process would end
finally inner, abnormal 1
finally outer, abnormal 1
bugchecked 1E C0000027
*/

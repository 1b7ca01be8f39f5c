/* SPDX-License-Identifier: MIT */
/* __leave leaves the innermost __try alone: the outer body goes on behind it, and may be left by another. */
#include "program.h"

static __attribute__((noinline)) void leaving(int outer_too)
{
    __try {
        __try {
            __try {
                note("innermost body");
                __leave;
            } __finally {
                note("innermost finally, abnormal %d", AbnormalTermination());
            }
            note("middle body goes on");
            if (outer_too)
                __leave;
            note("middle body ends");
        } __except (filter("middle", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("not reached");
        }
        note("outer body goes on");
        if (outer_too)
            __leave;
        note("outer body ends");
    } __finally {
        note("outer finally, abnormal %d", AbnormalTermination());
    }
}

long leave_nested(void)
{
    leaving(0);
    leaving(1);
    return 0;
}

/* expect
innermost body
innermost finally, abnormal 0
middle body goes on
middle body ends
outer body goes on
outer body ends
outer finally, abnormal 0
innermost body
innermost finally, abnormal 0
middle body goes on
outer body goes on
outer finally, abnormal 0
returned 0
*/

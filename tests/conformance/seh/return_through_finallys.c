/* SPDX-License-Identifier: MIT */
/* `return` from three __try statements deep: each __finally runs once, innermost first; no filter between is asked. */
#include "program.h"

static __attribute__((noinline)) int returning(int depth)
{
    __try {
        __try {
            __try {
                __try {
                    if (depth == 3)
                        return 3;
                } __finally {
                    note("inner finally, abnormal %d", AbnormalTermination());
                }
                if (depth == 2)
                    return 2;
            } __finally {
                note("middle finally, abnormal %d", AbnormalTermination());
            }
        } __except (filter("between", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("not reached");
        }
        if (depth == 1)
            return 1;
    } __finally {
        note("outer finally, abnormal %d", AbnormalTermination());
    }
    return 0;
}

long return_through_finallys(void)
{
    for (int volatile depth = 3; depth >= 0; --depth)
        note("returned %d", returning(depth));
    return 0;
}

/* expect
inner finally, abnormal 1
middle finally, abnormal 1
outer finally, abnormal 1
returned 3
inner finally, abnormal 0
middle finally, abnormal 1
outer finally, abnormal 1
returned 2
inner finally, abnormal 0
middle finally, abnormal 0
outer finally, abnormal 1
returned 1
inner finally, abnormal 0
middle finally, abnormal 0
outer finally, abnormal 0
returned 0
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* Three nested __finally blocks in one function and an exception at each depth: those around it run abnormally,
   innermost first; those it has left already ran when their body ended. */
#include "program.h"

static __attribute__((noinline)) void nest(int depth)
{
    __try {
        __try {
            __try {
                raise_at(depth, 3);
            } __finally {
                note("inner finally, abnormal %d", AbnormalTermination());
            }
            raise_at(depth, 2);
        } __finally {
            note("middle finally, abnormal %d", AbnormalTermination());
        }
        raise_at(depth, 1);
    } __finally {
        note("outer finally, abnormal %d", AbnormalTermination());
    }
}

long finallys_of_each_depth(void)
{
    for (int volatile depth = 3; depth >= 0; --depth) {
        __try {
            nest(depth);
            note("nothing raised");
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
    }
    return 0;
}

/* expect
filter own E0000003 answers 1
inner finally, abnormal 1
middle finally, abnormal 1
outer finally, abnormal 1
except
inner finally, abnormal 0
filter own E0000002 answers 1
middle finally, abnormal 1
outer finally, abnormal 1
except
inner finally, abnormal 0
middle finally, abnormal 0
filter own E0000001 answers 1
outer finally, abnormal 1
except
inner finally, abnormal 0
middle finally, abnormal 0
outer finally, abnormal 0
nothing raised
returned 0
*/

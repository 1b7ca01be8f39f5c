/* SPDX-License-Identifier: MIT */
/* A __finally that runs for a `return` raises: the return does not happen, the __try around takes the exception, and
   the __finally between runs for the exception instead. */
#include "program.h"

static __attribute__((noinline)) int returning(int early)
{
    __try {
        __try {
            __try {
                if (early)
                    return 1;
            } __finally {
                note("inner finally, abnormal %d", AbnormalTermination());
                raise(0xE0000001, 0, 0);
            }
            note("not reached");
        } __finally {
            note("outer finally, abnormal %d", AbnormalTermination());
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 2;
}

long finally_of_return_raises(void)
{
    note("returned %d", returning(1));
    note("returned %d", returning(0));
    return 0;
}

/* expect
inner finally, abnormal 1
filter own E0000001 answers 1
outer finally, abnormal 1
except
returned 2
inner finally, abnormal 0
filter own E0000001 answers 1
outer finally, abnormal 1
except
returned 2
returned 0
*/

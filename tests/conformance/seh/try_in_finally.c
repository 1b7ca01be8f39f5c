/* SPDX-License-Identifier: MIT */
/* A __try inside a __finally takes an exception that is raised while an older one unwinds; the older one goes on. */
#include "program.h"

static __attribute__((noinline)) void cleaning_up(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("finally begins, abnormal %d", AbnormalTermination());
        __try {
            raise(0xE0000002, 0, 0);
        } __except (filter("in finally", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except in finally");
        }
        note("finally ends");
    }
}

long try_in_finally(void)
{
    __try {
        cleaning_up();
        note("not reached");
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
    return 0;
}

/* expect
filter outer E0000001 answers 1
finally begins, abnormal 1
filter in finally E0000002 answers 1
except in finally
finally ends
outer except
returned 0
*/

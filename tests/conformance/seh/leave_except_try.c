/* SPDX-License-Identifier: MIT */
/* __leave goes behind the __except, past the rest of the body; no filter is asked. */
#include "program.h"

static __attribute__((noinline)) int leaving(int early)
{
    int steps = 0;
    __try {
        ++steps;
        if (early)
            __leave;
        ++steps;
        raise(0xE0000001, 0, 0);
        ++steps;
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        steps += 10;
    }
    return steps;
}

long leave_except_try(void)
{
    note("early: %d steps", leaving(1));
    note("late: %d steps", leaving(0));
    return 0;
}

/* expect
early: 1 steps
filter own E0000001 answers 1
late: 12 steps
returned 0
*/

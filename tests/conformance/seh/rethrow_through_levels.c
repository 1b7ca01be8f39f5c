/* SPDX-License-Identifier: MIT */
/* Every level takes the exception, adds to the code and raises it to the level above: a search and an unwind for
   each. */
#include "program.h"

static __attribute__((noinline)) void descend(int level)
{
    __try {
        if (level == 3)
            raise(0xE0000003, 0, 0);
        descend(level + 1);
    } __except (filter("level", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except in level %d", level);
        raise(0xE0000000 + 0x10 * (4 - level) + level, 0, 0);
    }
}

long rethrow_through_levels(void)
{
    __try {
        descend(1);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("own except");
    }
    return 0;
}

/* expect
filter level E0000003 answers 1
except in level 3
filter level E0000013 answers 1
except in level 2
filter level E0000022 answers 1
except in level 1
filter own E0000031 answers 1
own except
returned 0
*/

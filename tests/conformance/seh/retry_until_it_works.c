/* SPDX-License-Identifier: MIT */
/* A filter that repairs and continues a few times and then gives up: the same raise, the same filter, a different
   answer. */
#include "program.h"

static __attribute__((noinline)) long patient(int *attempts, int limit)
{
    ++*attempts;
    return *attempts < limit ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_EXECUTE_HANDLER;
}

static __attribute__((noinline)) int raise_times(int times, int limit)
{
    int attempts = 0;
    __try {
        for (int index = 0; index < times; ++index)
            raise(0xE0000001, 0, index);
        note("through after %d attempts", attempts);
    } __except (patient(&attempts, limit)) {
        note("given up after %d attempts", attempts);
    }
    return attempts;
}

long retry_until_it_works(void)
{
    return raise_times(3, 5) + raise_times(7, 5);
}

/* expect
through after 3 attempts
given up after 5 attempts
returned 8
*/

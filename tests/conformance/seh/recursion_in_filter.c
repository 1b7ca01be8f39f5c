/* SPDX-License-Identifier: MIT */
/* A filter calls the function that it belongs to: a search within a search within a search, each of which lands
   before the one around it is answered. */
#include "program.h"

static void attempt(int depth);

static __attribute__((noinline)) long recursing_filter(int depth)
{
    note("filter %d begins", depth);
    if (depth < 3)
        attempt(depth + 1);
    note("filter %d ends", depth);
    return EXCEPTION_EXECUTE_HANDLER;
}

static __attribute__((noinline)) void attempt(int depth)
{
    __try {
        raise(0xE0000000 + depth, 0, 0);
    } __except (recursing_filter(depth)) {
        note("except %d", depth);
    }
}

long recursion_in_filter(void)
{
    attempt(1);
    return 0;
}

/* expect
filter 1 begins
filter 2 begins
filter 3 begins
filter 3 ends
except 3
filter 2 ends
except 2
filter 1 ends
except 1
returned 0
*/

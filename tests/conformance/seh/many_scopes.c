/* SPDX-License-Identifier: MIT */
/* A function with a long scope table: sixty-four __try statements in a row, of which each is found. */
#include "program.h"

#define SCOPE(number) \
    __try { \
        if (wanted == (number)) \
            raise(0xE0000000 + (number), 0, 0); \
    } __except (GetExceptionCode() == 0xE0000000 + (number)) { \
        found += (number); \
        ++times; \
    }
#define FOUR(number) SCOPE(number) SCOPE((number) + 1) SCOPE((number) + 2) SCOPE((number) + 3)
#define SIXTEEN(number) FOUR(number) FOUR((number) + 4) FOUR((number) + 8) FOUR((number) + 12)

static int found, times;

static __attribute__((noinline)) void scopes(int wanted)
{
    SIXTEEN(0)
    SIXTEEN(16)
    SIXTEEN(32)
    SIXTEEN(48)
}

long many_scopes(void)
{
    for (int volatile wanted = 0; wanted < 64; ++wanted)
        scopes(wanted);
    note("%d times, sum %d", times, found);
    return 0;
}

/* expect
64 times, sum 2016
returned 0
*/

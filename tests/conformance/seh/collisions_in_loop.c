/* SPDX-License-Identifier: MIT */
/* Two hundred collided unwinds and twice as many nested exceptions in one frame: a landing leaves nothing of them on
   the stack. */
#include "program.h"

static unsigned long long lowest = ~0ull;

static __attribute__((noinline)) long nesting_filter(unsigned long code)
{
    char volatile here;
    if ((unsigned long long)&here < lowest)
        lowest = (unsigned long long)&here;
    if (code < 0xE0000003)
        raise(0xE0000003, 0, 0);
    return EXCEPTION_EXECUTE_HANDLER;
}

static __attribute__((noinline)) void replacing(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        raise(0xE0000002, 0, 0);
    }
}

long collisions_in_loop(void)
{
    long caught = 0;
    unsigned long long after_first = 0;
    for (int round = 0; round < 200; ++round) {
        __try {
            replacing();
        } __except (nesting_filter(GetExceptionCode())) {
            ++caught;
        }
        if (round == 0)
            after_first = lowest;
    }
    note("deeper than in the first round: %d", lowest < after_first);
    return caught;
}

/* expect
deeper than in the first round: 0
returned C8
*/

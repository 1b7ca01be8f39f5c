/* SPDX-License-Identifier: MIT */
/* Locals that no filter looks at may live in registers. In the __except body they have the values from before the
   call that raised, and what that call would have returned was never assigned. */
#include "program.h"

static __attribute__((noinline)) int twice(int value, int limit)
{
    if (value > limit)
        raise(0xE0000001, 0, 0);
    return value * 2;
}

static __attribute__((noinline)) int grow(int first, int limit)
{
    int value = first, rounds = 0, sum = 0;
    __try {
        for (;;) {
            ++rounds;
            value = twice(value, limit);
            sum += value;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        note("value %d, rounds %d, sum %d, first %d, limit %d", value, rounds, sum, first, limit);
    }
    return sum - value;
}

long locals_at_the_call(void)
{
    int const small = grow(1, 10), large = grow(3, 1000);
    note("%d %d", small, large);
    return 0;
}

/* expect
value 16, rounds 5, sum 30, first 1, limit 10
value 1536, rounds 10, sum 3066, first 3, limit 1000
14 1530
returned 0
*/

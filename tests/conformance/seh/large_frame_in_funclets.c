/* SPDX-License-Identifier: MIT */
/* The frame of a function with a __try is larger than a page, and the filter and the __finally find both ends of it. */
#include "program.h"

static __attribute__((noinline)) int sum(int const *values, int count)
{
    int total = 0;
    while (count--)
        total += values[count];
    return total;
}

long large_frame_in_funclets(void)
{
    int first = 1;
    int values[1500];
    int last = 2;
    for (int index = 0; index < 1500; ++index)
        values[index] = index;
    __try {
        __try {
            values[0] = 1000;
            raise(0xE0000001, 0, 0);
        } __finally {
            note("finally: sum %d, first %d, last %d", sum(values, 1500), first, last);
            first = 11;
            values[1499] = 0;
        }
    } __except (note("filter: sum %d, first %d, last %d", sum(values, 1500), first, last), last = 22, 1) {
        note("except: sum %d, first %d, last %d", sum(values, 1500), first, last);
    }
    return 0;
}

/* expect
filter: sum 1125250, first 1, last 2
finally: sum 1125250, first 1, last 22
except: sum 1123751, first 11, last 22
returned 0
*/

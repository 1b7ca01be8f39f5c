/* SPDX-License-Identifier: MIT */
/* A variable length array lives in the function whose __except reads it. */
#include "program.h"

static __attribute__((noinline)) void fill(int count, int values[count])
{
    for (int index = 0; index < count; ++index)
        values[index] = index * index;
    read_nowhere();
}

static __attribute__((noinline)) int last_square(int count)
{
    int values[count];
    int last = -1;
    __try {
        fill(count, values);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        last = values[count - 1];
    }
    return last;
}

long variable_length_array(void)
{
    int volatile count = 50;
    note("square %d", last_square(count));
    return last_square(9);
}

/* expect
filter own C0000005 answers 1
square 2401
filter own C0000005 answers 1
returned 40
*/

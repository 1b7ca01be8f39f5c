/* SPDX-License-Identifier: MIT */
/* `return` out of a __try body: the __finally runs before the function is left, and is told that the body did not end.
   What it changes comes too late for a value that was computed before. */
#include "program.h"

static __attribute__((noinline)) int returning(int early)
{
    int value = 1;
    __try {
        if (early)
            return value;
        value = 2;
    } __finally {
        note("finally, value %d, abnormal %d", value, AbnormalTermination());
        value += 10;
    }
    note("behind");
    return value;
}

long return_through_finally(void)
{
    note("returned %d", returning(1));
    note("returned %d", returning(0));
    return 0;
}

/* expect
finally, value 1, abnormal 1
returned 1
finally, value 2, abnormal 0
behind
returned 12
returned 0
*/

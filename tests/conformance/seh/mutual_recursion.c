/* SPDX-License-Identifier: MIT */
/* Two functions that call each other, one with a __finally and one with an __except: the frames are unwound as they
   were called, up to the one that takes it. */
#include "program.h"

static void with_finally(int depth);

static __attribute__((noinline)) void with_except(int depth)
{
    __try {
        if (depth == 0)
            read_nowhere();
        with_finally(depth - 1);
    } __except (filter("with_except", GetExceptionCode(), depth == 4)) {
        note("except at depth %d", depth);
    }
}

static __attribute__((noinline)) void with_finally(int depth)
{
    __try {
        with_except(depth - 1);
    } __finally {
        note("finally at depth %d, abnormal %d", depth, AbnormalTermination());
    }
}

long mutual_recursion(void)
{
    with_except(6);
    return 0;
}

/* expect
filter with_except C0000005 answers 0
filter with_except C0000005 answers 0
filter with_except C0000005 answers 1
finally at depth 1, abnormal 1
finally at depth 3, abnormal 1
except at depth 4
finally at depth 5, abnormal 0
returned 0
*/

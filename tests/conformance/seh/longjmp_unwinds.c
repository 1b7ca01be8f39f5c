/* SPDX-License-Identifier: MIT */
/* A jump point with a frame: longjmp is an unwind, in which the functions between run their __finally. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) void jump(int depth)
{
    __try {
        if (depth == 0)
            longjmp(&point, 42);
        jump(depth - 1);
        note("not reached");
    } __finally {
        note("finally %d, abnormal %d", depth, AbnormalTermination());
    }
}

long longjmp_unwinds(void)
{
    int volatile local = 1;
    int const arrived = _setjmpex(&point, own_frame());
    note("arrived with %d, local %d", arrived, local);
    local += 1;
    if (arrived == 0)
        jump(2);
    return arrived;
}

/* expect
arrived with 0, local 1
finally 0, abnormal 1
finally 1, abnormal 1
finally 2, abnormal 1
arrived with 42, local 2
returned 2A
*/

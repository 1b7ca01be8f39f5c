/* SPDX-License-Identifier: MIT */
/* A filter that jumps away: an unwind that crosses the dispatcher's frames, in which the exception is forgotten. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) long jump(unsigned long code)
{
    note("filter %08lX jumps", code);
    longjmp(&point, 9);
}

static __attribute__((noinline)) void faulting(void)
{
    __try {
        read_nowhere();
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
}

static __attribute__((noinline)) void with_filter(void)
{
    __try {
        faulting();
    } __except (jump(GetExceptionCode())) {
        note("not reached");
    }
}

long jump_out_of_filter(void)
{
    int const arrived = _setjmpex(&point, own_frame());
    if (arrived == 0)
        with_filter();
    return arrived;
}

/* expect
filter C0000005 jumps
finally, abnormal 1
returned 9
*/

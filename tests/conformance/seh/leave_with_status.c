/* SPDX-License-Identifier: MIT */
/* The way drivers clean up: every failing step leaves, and the one __finally gives back what has been taken so far,
   whether a step fails or raises. */
#include "program.h"

static int held;

static __attribute__((noinline)) int take(int step, int failing, int raising)
{
    if (step == raising)
        raise(0xE0000000 + step, 0, 0);
    if (step == failing)
        return 0;
    ++held;
    return 1;
}

static __attribute__((noinline)) long three_steps(int failing, int raising)
{
    long status = -1;
    int taken = 0;
    __try {
        if (!take(1, failing, raising))
            __leave;
        ++taken;
        if (!take(2, failing, raising))
            __leave;
        ++taken;
        if (!take(3, failing, raising))
            __leave;
        ++taken;
        status = 0;
    } __finally {
        note("gives back %d of %d, status %ld, abnormal %d", taken, held, status, AbnormalTermination());
        held -= taken;
    }
    return status;
}

long leave_with_status(void)
{
    note("status %ld", three_steps(0, 0));
    note("status %ld", three_steps(2, 0));
    __try {
        note("status %ld", three_steps(0, 3));
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return held;
}

/* expect
gives back 3 of 3, status 0, abnormal 0
status 0
gives back 1 of 1, status -1, abnormal 0
status -1
filter own E0000003 answers 1
gives back 2 of 2, status -1, abnormal 1
except
returned 0
*/

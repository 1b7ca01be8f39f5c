/* SPDX-License-Identifier: MIT */
/* RtlUnwind with a record of one's own: no filter is asked in an unwind, and no __except entered, whatever the code. */
#include "stack_walk.h"

static CONTEXT landing;
static void *volatile target;

static __attribute__((noinline)) void unwinding(void)
{
    EXCEPTION_RECORD record = {.ExceptionCode = 0xE0000033};
    RtlUnwind(target, (void *)landing.Rip, &record, (void *)1);
    note("not reached");
}

static __attribute__((noinline)) void between(void)
{
    __try {
        __try {
            unwinding();
        } __finally {
            note("finally");
        }
    } __except (filter("between", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
}

long unwind_with_record(void)
{
    static int volatile passes;
    target = own_frame();
    RtlCaptureContext(&landing);
    if (passes++ == 0)
        between();
    return passes;
}

/* expect
finally
returned 2
*/

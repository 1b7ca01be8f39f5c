/* SPDX-License-Identifier: MIT */
/* _local_unwind, by which compilers leave a __try with a __finally early; here it crosses two functions. */
#include "stack_walk.h"

__declspec(dllimport) void _local_unwind(void *frame, void *address);

static CONTEXT landing;
static void *volatile target;

static __attribute__((noinline)) void unwinding(int depth)
{
    __try {
        if (depth != 0)
            unwinding(depth - 1);
        else
            _local_unwind(target, (void *)landing.Rip);
        note("not reached");
    } __finally {
        note("finally %d, abnormal %d", depth, AbnormalTermination());
    }
}

long local_unwind_to_own_frame(void)
{
    static int volatile passes;
    target = own_frame();
    RtlCaptureContext(&landing);
    if (passes++ == 0)
        unwinding(1);
    return passes;
}

/* expect
finally 0, abnormal 1
finally 1, abnormal 1
returned 2
*/

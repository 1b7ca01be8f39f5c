/* SPDX-License-Identifier: MIT */
/* RtlCaptureContext gives the registers of its caller behind the call; one unwind from there leads to the next. */
#include "stack_walk.h"

static __attribute__((noinline)) int capturing(CONTEXT *context)
{
    RtlCaptureContext(context);
    return 1;
}

long capture_context(void)
{
    CONTEXT context;
    unsigned long long first;
    context.ContextFlags = 0;
    int volatile result = capturing(&context);
    first = context.Rsp;
    note("flags %lX, in the function %d", context.ContextFlags,
         function_at(context.Rip) == (unsigned long long)capturing);
    unwind_once(&context);
    note("in the caller %d, RSP higher %d", function_at(context.Rip) == (unsigned long long)capture_context,
         context.Rsp > first);
    return result;
}

/* expect
flags 10000F, in the function 1
in the caller 1, RSP higher 1
returned 1
*/

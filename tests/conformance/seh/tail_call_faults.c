/* SPDX-License-Identifier: MIT */
/* A function that has ended in a tail call is no longer on the stack: the fault's caller is its caller. */
#include "stack_walk.h"

static __attribute__((noinline)) long faulting(long value)
{
    long volatile local = value;
    return local + read_nowhere();
}

static __attribute__((noinline)) long tail_caller(long value)
{
    long volatile local = value + 1;
    value = local;
    __attribute__((musttail)) return faulting(value);
}

long tail_call_faults(void);

static long count_frames(CONTEXT context)
{
    long frames = 0;
    for (; function_at(context.Rip) != (unsigned long long)tail_call_faults; unwind_once(&context)) {
        if (function_at(context.Rip) == (unsigned long long)faulting)
            note("faulting");
        if (function_at(context.Rip) == (unsigned long long)tail_caller)
            note("tail_caller");
        frames += 1;
    }
    note("%ld frames below", frames);
    return EXCEPTION_EXECUTE_HANDLER;
}

long tail_call_faults(void)
{
    __try {
        tail_caller(1);
    } __except (count_frames(*GetExceptionInformation()->ContextRecord)) {
        note("except");
    }
    return 0;
}

/* expect
faulting
2 frames below
except
returned 0
*/

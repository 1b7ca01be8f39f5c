/* SPDX-License-Identifier: MIT */
/* A __finally that runs in an unwind walks its own stack: over the dispatcher's frames and the trap to the function
   that faulted, which is still there. */
#include "stack_walk.h"

long walk_from_finally(void);

static __attribute__((noinline)) int faulting(int value)
{
    int volatile local = value;
    return local + *(char volatile *)(0x100ull + local);
}

static __attribute__((noinline)) void walk(void)
{
    unsigned long long function = 0, below = 0;
    CONTEXT context;
    RtlCaptureContext(&context);
    for (; function != (unsigned long long)walk_from_finally; function = function_at(context.Rip)) {
        if (function == (unsigned long long)faulting)
            note("faulting");
        below = context.Rsp;
        unwind_once(&context);
        if (context.Rsp <= below) {
            note("RSP does not rise");
            return;
        }
    }
    note("the function with the __except");
}

static __attribute__((noinline)) void with_finally(int value)
{
    __try {
        faulting(value);
    } __finally {
        walk();
    }
}

long walk_from_finally(void)
{
    __try {
        with_finally(1);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter own C0000005 answers 1
faulting
the function with the __except
except
returned 0
*/

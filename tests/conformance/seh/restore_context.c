/* SPDX-License-Identifier: MIT */
/* RtlRestoreContext goes on where the context was captured, from two functions further down, and runs no __finally. */
#include "program.h"

static CONTEXT context;
static int volatile passes;

static __attribute__((noinline)) void go_back(int depth)
{
    __try {
        if (depth != 0)
            go_back(depth - 1);
        context.Rax = 5;
        RtlRestoreContext(&context, NULL);
    } __finally {
        note("not reached");
    }
}

long restore_context(void)
{
    int volatile local = 3;
    RtlCaptureContext(&context);
    passes += 1;
    note("pass %d, local %d", passes, local);
    local += 1;
    if (passes < 3)
        go_back(2);
    return local;
}

/* expect
pass 1, local 3
pass 2, local 4
pass 3, local 5
returned 6
*/

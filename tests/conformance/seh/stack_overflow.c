/* SPDX-License-Identifier: MIT */
/* A kernel stack does not grow: a recursion without end runs off it, where no exception can be dispatched any more. */
#include "program.h"

static __attribute__((noinline)) int descend(int depth)
{
    int volatile local = depth;
    return descend(local + 1) + local;
}

long stack_overflow(void)
{
    __try {
        return descend(0);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return 0;
}

/* expect kernel: a user process gets STATUS_STACK_OVERFLOW and can go on
bugchecked 7F 8
*/

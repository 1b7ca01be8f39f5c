/* SPDX-License-Identifier: MIT */
/* A target that is no frame's: the walk notices when it has passed it and raises, after it has run what it came by. */
#include "stack_walk.h"

static __attribute__((noinline)) void unwinding(char *target)
{
    CONTEXT scratch;
    RtlUnwindEx(target, (void *)own_frame, NULL, NULL, &scratch, NULL);
}

static __attribute__((noinline)) void between(void)
{
    char volatile own[64];
    own[0] = 1;
    __try {
        unwinding((char *)own_frame() - 0x10);
    } __finally {
        note("finally");
    }
}

long unwind_past_target(void)
{
    __try {
        between();
    } __except (filter("own", GetExceptionCode() & 0xFFFFFFFE, EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter own C0000028 answers 1
finally
except
returned 0
*/

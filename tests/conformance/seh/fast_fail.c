/* SPDX-License-Identifier: MIT */
/* __fastfail: neither filter nor __finally runs, the machine stops with the code. */
#include "program.h"

static __attribute__((noinline)) void fail(unsigned code)
{
    __asm__ volatile("int $0x29" ::"c"(code));
}

long fast_fail(void)
{
    __try {
        __try {
            note("fails");
            fail(3);
        } __finally {
            note("not reached");
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return 0;
}

/* expect kernel: a fast fail ends a user process
fails
bugchecked 139 3
*/

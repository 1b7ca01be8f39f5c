/* SPDX-License-Identifier: MIT */
/* A bad address of the kernel's half stops the machine, whatever __try is around it. */
#include "kernel.h"

static __attribute__((noinline)) int load(int volatile const *where)
{
    return *where;
}

long bad_kernel_address(void)
{
    __try {
        __try {
            return load((int const *)0xFFFF900000000000);
        } __finally {
            note("not reached");
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return 0;
}

/* expect kernel: a user process has no business there and gets an access violation
bugchecked 50 FFFF900000000000
*/

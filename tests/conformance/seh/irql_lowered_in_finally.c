/* SPDX-License-Identifier: MIT */
/* A raised IRQL outlives an exception until someone lowers it: filters and __finally blocks run at it. */
#include "kernel.h"

static __attribute__((noinline)) void at_apc_level(void)
{
    unsigned char const before = KfRaiseIrql(APC_LEVEL);
    __try {
        read_nowhere();
    } __finally {
        note("finally at %d", KeGetCurrentIrql());
        KeLowerIrql(before);
    }
}

static long at_level(unsigned long code)
{
    note("filter %08lX at %d", code, KeGetCurrentIrql());
    return EXCEPTION_EXECUTE_HANDLER;
}

long irql_lowered_in_finally(void)
{
    __try {
        at_apc_level();
    } __except (at_level(GetExceptionCode())) {
        note("except at %d", KeGetCurrentIrql());
    }
    return 0;
}

/* expect kernel: IRQL
filter C0000005 at 1
finally at 1
except at 0
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* The divisor lies in memory: a filter changes it there, and the same instruction succeeds. */
#include "program.h"

static __attribute__((noinline)) int divide(int dividend, int const *divisor)
{
    __asm__ volatile("cltd\n\tidivl %1" : "+a"(dividend) : "m"(*divisor) : "edx", "memory");
    return dividend;
}

static long repair(unsigned long code, int *divisor)
{
    note("exception %08lX, divisor %d", code, *divisor);
    *divisor = 7;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_after_repairing_memory(void)
{
    int divisor = 0;
    long volatile value = 0;
    __try {
        value = divide(42, &divisor);
    } __except (repair(GetExceptionCode(), &divisor)) {
        note("not reached");
    }
    return value;
}

/* expect
exception C0000094, divisor 0
returned 6
*/

/* SPDX-License-Identifier: MIT */
/* The record of a write that faults has the operation 1. */
#include "program.h"

static __attribute__((noinline)) void store(long long volatile *where, long long value)
{
    *where = value;
}

long access_violation_write(void)
{
    __try {
        store((long long volatile *)0xFF8, 1);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        return 1;
    }
    return 0;
}

/* expect
exception C0000005, flags 0
parameter 1
parameter FF8
returned 1
*/

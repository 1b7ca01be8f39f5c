/* SPDX-License-Identifier: MIT */
/* A non-canonical address is a general protection fault, which does not say what it was: always a read of -1. */
#include "program.h"

static char volatile *const non_canonical = (char volatile *)0x8000000000000000;

static __attribute__((noinline)) char load(char volatile const *where)
{
    return *where;
}

static __attribute__((noinline)) void store(char volatile *where)
{
    *where = 1;
}

long access_violation_non_canonical(void)
{
    __try {
        load(non_canonical);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("read");
    }
    __try {
        store(non_canonical);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("write");
    }
    return 0;
}

/* expect
exception C0000005, flags 0
parameter 0
parameter FFFFFFFFFFFFFFFF
read
exception C0000005, flags 0
parameter 0
parameter FFFFFFFFFFFFFFFF
write
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* The record of a read that faults: operation 0 and the address. It can be continued, and points to no other record. */
#include "program.h"

static __attribute__((noinline)) int load(int volatile const *where)
{
    return *where;
}

static long unrelated(EXCEPTION_RECORD const *record)
{
    note("another record %d, pointers differ %d", record->ExceptionRecord != NULL,
         record->ExceptionAddress != (void *)record->ExceptionInformation[1]);
    return show(record);
}

long access_violation_read(void)
{
    __try {
        return load((int volatile const *)0x123);
    } __except (unrelated(GetExceptionInformation()->ExceptionRecord)) {
        return 1;
    }
}

/* expect
another record 0, pointers differ 1
exception C0000005, flags 0
parameter 0
parameter 123
returned 1
*/

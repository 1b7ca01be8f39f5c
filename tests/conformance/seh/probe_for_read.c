/* SPDX-License-Identifier: MIT */
/* ProbeForRead checks alignment and range, and touches no byte of the range. Beyond the limit it reads there, so that
   the exception is the CPU's own. */
#include "kernel.h"

#define LIMIT 0x7FFFFFFF0000ull

static void probe(unsigned long long address, unsigned long long length, unsigned long alignment)
{
    __try {
        ProbeForRead((void const *)address, length, alignment);
        note("%llX+%llX passes", address, length);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("%llX+%llX at %lu does not", address, length, alignment);
    }
}

long probe_for_read(void)
{
    probe(0x10, 100, 1);
    probe(0x1004, 8, 4);
    probe(0x1004, 8, 8);
    probe(LIMIT - 16, 16, 16);
    probe(LIMIT - 16, 17, 1);
    probe(LIMIT, 1, 1);
    probe(0xFFFFF80000000000, 4, 4);
    probe(0x1000, -0x800ull, 1);
    probe(0xFFFFF80000000001, 0, 8);
    return 0;
}

/* expect kernel: an export of ntoskrnl alone
10+64 passes
1004+8 passes
exception 80000002, flags 1
1004+8 at 8 does not
7FFFFFFEFFF0+10 passes
exception C0000005, flags 0
parameter 0
parameter 7FFFFFFF0000
7FFFFFFEFFF0+11 at 1 does not
exception C0000005, flags 0
parameter 0
parameter 7FFFFFFF0000
7FFFFFFF0000+1 at 1 does not
exception C0000005, flags 0
parameter 0
parameter 7FFFFFFF0000
FFFFF80000000000+4 at 4 does not
exception C0000005, flags 0
parameter 0
parameter 7FFFFFFF0000
1000+FFFFFFFFFFFFF800 at 1 does not
FFFFF80000000001+0 passes
returned 0
*/

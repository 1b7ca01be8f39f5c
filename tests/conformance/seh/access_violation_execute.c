/* SPDX-License-Identifier: MIT */
/* A call to where nothing is: operation 8, and the exception's address is the bad one. It has no function entry, so its
   caller is found as a leaf function's is. */
#include "program.h"

static long by_call(EXCEPTION_POINTERS const *pointers)
{
    EXCEPTION_RECORD const *record = pointers->ExceptionRecord;
    note("address %llX, RIP %llX", (unsigned long long)record->ExceptionAddress, pointers->ContextRecord->Rip);
    return show(record);
}

static __attribute__((noinline)) int call(int (*volatile function)(void))
{
    return function() + 1;
}

long access_violation_execute(void)
{
    __try {
        call((int (*)(void))0x2340);
    } __except (by_call(GetExceptionInformation())) {
        note("except");
    }
    __try {
        call(NULL);
    } __except (by_call(GetExceptionInformation())) {
        note("except");
    }
    return 0;
}

/* expect
address 2340, RIP 2340
exception C0000005, flags 0
parameter 8
parameter 2340
except
address 0, RIP 0
exception C0000005, flags 0
parameter 8
parameter 0
except
returned 0
*/

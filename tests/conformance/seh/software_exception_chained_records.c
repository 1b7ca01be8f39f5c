/* SPDX-License-Identifier: MIT */
/* A record may point to another one, as an exception that another one caused does: filters see the chain. The address
   is where the call of RtlRaiseException returns to, whatever the record said before. */
#include "stack_walk.h"

static __attribute__((noinline)) void raise_chained(void)
{
    EXCEPTION_RECORD cause = {.ExceptionCode = 0xE0000001, .NumberParameters = 1, .ExceptionInformation = {11}};
    EXCEPTION_RECORD record = {
        .ExceptionCode = 0xE0000002, .ExceptionRecord = &cause, .ExceptionAddress = (void *)0x1234};
    RtlRaiseException(&record);
    note("not reached");
}

static long show_chain(EXCEPTION_RECORD const *record)
{
    note("raised in raise_chained: %d",
         function_at((unsigned long long)record->ExceptionAddress) == (unsigned long long)raise_chained);
    for (; record != NULL; record = record->ExceptionRecord)
        show(record);
    return EXCEPTION_EXECUTE_HANDLER;
}

long software_exception_chained_records(void)
{
    __try {
        raise_chained();
    } __except (show_chain(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
raised in raise_chained: 1
exception E0000002, flags 0
exception E0000001, flags 0
parameter B
except
returned 0
*/

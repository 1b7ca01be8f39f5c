/* SPDX-License-Identifier: MIT */
/* A call that never returns is the last thing a function does: its return address must still be inside the function. */
#include "stack_walk.h"

static __attribute__((noinline, noreturn)) void give_up(long status)
{
    RtlRaiseStatus(status);
    __builtin_unreachable();
}

static __attribute__((noinline)) void last_call(long volatile *status)
{
    *status += 1;
    give_up(*status);
}

static long inside(EXCEPTION_RECORD const *record)
{
    unsigned long long const address = (unsigned long long)record->ExceptionAddress;
    note("raised in give_up: %d", function_at(address) == (unsigned long long)give_up);
    return EXCEPTION_EXECUTE_HANDLER;
}

long call_without_return_at_end(void)
{
    long volatile status = 0xE0000010;
    __try {
        last_call(&status);
    } __except (inside(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return status;
}

/* expect
raised in give_up: 1
except
returned E0000011
*/

/* expect wine: its RtlRaiseStatus calls RtlRaiseException, so that the address is one of its own
raised in give_up: 0
except
returned E0000011
*/

/* SPDX-License-Identifier: MIT */
/* ud2, stepped over once and then taken. */
#include "program.h"

static __attribute__((noinline)) int undefined(int value)
{
    __asm__ volatile("ud2" : "+r"(value));
    return value + 1;
}

static long step_over_once(EXCEPTION_POINTERS const *pointers)
{
    static int asked;
    show(pointers->ExceptionRecord);
    if (asked++)
        return EXCEPTION_EXECUTE_HANDLER;
    pointers->ContextRecord->Rip += 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long illegal_instruction(void)
{
    long volatile value = 1;
    __try {
        value = undefined(4);
        note("continued with %ld", value);
        value = undefined(9);
    } __except (step_over_once(GetExceptionInformation())) {
        note("except");
    }
    return value;
}

/* expect
exception C000001D, flags 0
continued with 5
exception C000001D, flags 0
except
returned 5
*/

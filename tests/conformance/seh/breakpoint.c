/* SPDX-License-Identifier: MIT */
/* int3: the address and RIP are the instruction's own, so a filter that continues must step over it. */
#include "program.h"

static __attribute__((noinline)) int stops(int value)
{
    __asm__ volatile("int3" : "+r"(value));
    return value + 1;
}

static long step_over(EXCEPTION_POINTERS const *pointers)
{
    unsigned char const *address = pointers->ExceptionRecord->ExceptionAddress;
    note("byte %02X, RIP there %d", *address, pointers->ContextRecord->Rip == (unsigned long long)address);
    show(pointers->ExceptionRecord);
    pointers->ContextRecord->Rip += 1;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long breakpoint(void)
{
    long volatile value = 1;
    __try {
        value = stops(40);
        note("continued");
    } __except (step_over(GetExceptionInformation())) {
        note("not reached");
    }
    return value;
}

/* expect
byte CC, RIP there 1
exception 80000003, flags 0
parameter 0
continued
returned 29
*/

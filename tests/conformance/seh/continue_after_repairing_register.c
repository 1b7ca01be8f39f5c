/* SPDX-License-Identifier: MIT */
/* A filter puts a good address into the register that held a bad one, and the load is tried again. */
#include "program.h"

static unsigned char const good = 0x5A;

static __attribute__((noinline)) int load_by_rcx(void volatile const *where)
{
    int value;
    __asm__ volatile("movzbl (%1), %0" : "=a"(value) : "c"(where));
    return value;
}

static long repair(EXCEPTION_POINTERS const *pointers)
{
    note("RCX %llX", pointers->ContextRecord->Rcx);
    pointers->ContextRecord->Rcx = (unsigned long long)&good;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_after_repairing_register(void)
{
    long volatile value = 0;
    __try {
        value = load_by_rcx(NOWHERE);
        note("loaded");
    } __except (repair(GetExceptionInformation())) {
        note("not reached");
    }
    return value;
}

/* expect
RCX 10
loaded
returned 5A
*/

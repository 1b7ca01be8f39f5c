/* SPDX-License-Identifier: MIT */
/* int 2Ch, by which the kernel's NT_ASSERT fails: the address is the instruction's own. */
#include "program.h"

static void *volatile at;

static __attribute__((noinline)) int assert_nothing(int value)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\tmovq %%rax, %1\n\t1: int $0x2C" : "+r"(value), "=m"(at)::"rax");
    return value + 1;
}

static long step_over(EXCEPTION_POINTERS const *pointers)
{
    note("at the instruction %d", pointers->ExceptionRecord->ExceptionAddress == at);
    show(pointers->ExceptionRecord);
    pointers->ContextRecord->Rip = (unsigned long long)at + 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long assertion(void)
{
    long volatile value = 0;
    __try {
        value = assert_nothing(5);
    } __except (step_over(GetExceptionInformation())) {
        note("not reached");
    }
    return value;
}

/* expect
at the instruction 1
exception C0000420, flags 0
returned 6
*/

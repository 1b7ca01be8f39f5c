/* SPDX-License-Identifier: MIT */
/* The trap flag: the exception comes after the next instruction, with RIP behind it. */
#include "program.h"

static void *volatile behind;

static __attribute__((noinline)) int step(int value)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rax, %1\n\t"
                     "pushfq\n\t"
                     "orq $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "addl $1, %0\n\t"
                     "1: addl $2, %0"
                     : "+r"(value), "=m"(behind)::"rax", "cc");
    return value;
}

static long stop_stepping(EXCEPTION_POINTERS const *pointers)
{
    note("behind one instruction %d", pointers->ExceptionRecord->ExceptionAddress == behind);
    show(pointers->ExceptionRecord);
    pointers->ContextRecord->EFlags &= ~0x100;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long single_step(void)
{
    long volatile value = 0;
    __try {
        value = step(10);
    } __except (stop_stepping(GetExceptionInformation())) {
        note("not reached");
    }
    return value;
}

/* expect
behind one instruction 1
exception 80000004, flags 0
returned D
*/

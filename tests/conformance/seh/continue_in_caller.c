/* SPDX-License-Identifier: MIT */
/* A filter unwinds the context by one frame and continues: the function that faulted returns what the filter says. */
#include "stack_walk.h"

static __attribute__((noinline)) int faulting(int value)
{
    int volatile local[20];
    __asm__ volatile("" ::: "rbx", "rsi", "rdi", "xmm6");
    local[value] = value;
    return local[value] + read_nowhere();
}

static long return_for_it(CONTEXT *context)
{
    while (function_at(context->Rip) != (unsigned long long)faulting)
        unwind_once(context);
    unwind_once(context);
    context->Rax = 99;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_in_caller(void)
{
    long volatile value = 0;
    __try {
        value = faulting(3);
        note("continued with %ld", value);
        value += faulting(4);
    } __except (return_for_it(GetExceptionInformation()->ContextRecord)) {
        note("not reached");
    }
    return value;
}

/* expect
continued with 99
returned C6
*/

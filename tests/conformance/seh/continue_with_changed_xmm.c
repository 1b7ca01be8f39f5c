/* SPDX-License-Identifier: MIT */
/* The context's XMM registers, volatile and not, are those of the fault, and what a filter writes there is loaded. */
#include "program.h"

static __attribute__((noinline)) void stop_with_xmm(unsigned long long (*values)[2])
{
    __asm__ volatile("movups 0(%0), %%xmm3\n\t"
                     "movups 16(%0), %%xmm9\n\t"
                     "ud2\n\t"
                     "movups %%xmm3, 0(%0)\n\t"
                     "movups %%xmm9, 16(%0)" ::"c"(values)
                     : "memory", "xmm3", "xmm9");
}

static long exchange(CONTEXT *context)
{
    note("xmm3 %llX:%llX, xmm9 %llX:%llX", context->Xmm3.High, context->Xmm3.Low, context->Xmm9.High,
         context->Xmm9.Low);
    context->Xmm3.High = 0x30;
    context->Xmm9.Low = 0x90;
    context->Rip += 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_with_changed_xmm(void)
{
    unsigned long long values[2][2] = {{1, 2}, {3, 4}};
    __try {
        stop_with_xmm(values);
    } __except (exchange(GetExceptionInformation()->ContextRecord)) {
        note("not reached");
    }
    note("xmm3 %llX:%llX, xmm9 %llX:%llX", values[0][1], values[0][0], values[1][1], values[1][0]);
    return 0;
}

/* expect
xmm3 2:1, xmm9 4:3
xmm3 30:1, xmm9 4:90
returned 0
*/

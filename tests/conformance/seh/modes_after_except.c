/* SPDX-License-Identifier: MIT */
/* What the code that faulted did to the processor's modes: the rounding control in MXCSR stays as it left it in every
   handler and behind the __except; the direction flag is clear there. */
#include "program.h"

#define ROUND_TO_ZERO 0x6000u
#define DIRECTION 0x400ull

static __attribute__((noinline)) void set_modes_and_fault(void)
{
    unsigned const control = 0x1F80 | ROUND_TO_ZERO;
    __asm__ volatile("ldmxcsr %0\n\tstd\n\tud2" ::"m"(control) : "memory", "cc");
}

static __attribute__((noinline)) void show_modes(char const *where)
{
    unsigned control;
    unsigned long long flags;
    __asm__ volatile("stmxcsr %0\n\tpushfq\n\tpopq %1" : "=m"(control), "=r"(flags)::"memory");
    note("%s: rounds to zero %d, direction %d", where, (control & ROUND_TO_ZERO) == ROUND_TO_ZERO,
         (flags & DIRECTION) != 0);
}

static long show_in_filter(CONTEXT const *context)
{
    note("context: rounds to zero %d, direction %d", (context->MxCsr & ROUND_TO_ZERO) == ROUND_TO_ZERO,
         (context->EFlags & DIRECTION) != 0);
    show_modes("filter");
    return EXCEPTION_EXECUTE_HANDLER;
}

long modes_after_except(void)
{
    unsigned const standard = 0x1F80;
    show_modes("before");
    __try {
        __try {
            set_modes_and_fault();
        } __finally {
            show_modes("finally");
        }
    } __except (show_in_filter(GetExceptionInformation()->ContextRecord)) {
        show_modes("except");
    }
    __asm__ volatile("ldmxcsr %0" ::"m"(standard));
    return 0;
}

/* expect
before: rounds to zero 0, direction 0
context: rounds to zero 1, direction 1
filter: rounds to zero 1, direction 0
finally: rounds to zero 1, direction 0
except: rounds to zero 1, direction 0
returned 0
*/

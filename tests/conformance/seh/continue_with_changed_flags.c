/* SPDX-License-Identifier: MIT */
/* Handlers run with the direction flag clear, as the calling convention asks; the fault's own flags are in the context,
   and come back where a filter continues. */
#include "program.h"

#define DIRECTION 0x400ull
#define CARRY 1ull

static __attribute__((noinline)) unsigned long long stop_with_direction(void)
{
    unsigned long long flags;
    __asm__ volatile("std\n\tclc\n\tud2\n\tpushfq\n\tpopq %0\n\tcld" : "=r"(flags)::"memory", "cc");
    return flags;
}

static long set_carry(CONTEXT *context)
{
    unsigned long long own;
    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(own)::"memory");
    note("direction in the filter %d, in the context %d", (own & DIRECTION) != 0, (context->EFlags & DIRECTION) != 0);
    context->EFlags |= CARRY;
    context->Rip += 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_with_changed_flags(void)
{
    unsigned long long volatile flags = 0;
    __try {
        flags = stop_with_direction();
    } __except (set_carry(GetExceptionInformation()->ContextRecord)) {
        note("not reached");
    }
    note("direction %d, carry %d", (flags & DIRECTION) != 0, (flags & CARRY) != 0);
    return 0;
}

/* expect
direction in the filter 0, in the context 1
direction 1, carry 1
returned 0
*/

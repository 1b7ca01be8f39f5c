/* SPDX-License-Identifier: MIT */
/* RtlUnwindEx, called by C: the frames below the target run their __finally, and the target goes on at the address that
   it was given, with the return value in RAX. */
#include "stack_walk.h"

static CONTEXT landing;
static void *volatile target;

static __attribute__((noinline)) void unwinding(void)
{
    CONTEXT scratch;
    __try {
        RtlUnwindEx(target, (void *)landing.Rip, NULL, (void *)55, &scratch, NULL);
        note("not reached");
    } __finally {
        note("finally inner, abnormal %d", AbnormalTermination());
    }
}

static __attribute__((noinline)) void between(void)
{
    __try {
        unwinding();
    } __finally {
        note("finally outer, abnormal %d", AbnormalTermination());
    }
}

long unwind_to_own_frame(void)
{
    static int volatile passes;
    int volatile local = 3;
    unsigned long long value;
    target = own_frame();
    RtlCaptureContext(&landing);
    __asm__ volatile("" : "=a"(value));
    if (passes++ == 0)
        between();
    note("pass %d, local %d", passes, local);
    return (long)value;
}

/* expect
finally inner, abnormal 1
finally outer, abnormal 1
pass 2, local 3
returned 37
*/

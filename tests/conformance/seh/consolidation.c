/* SPDX-License-Identifier: MIT */
/* STATUS_UNWIND_CONSOLIDATE, by which C++ runs its catch blocks: the frames are unwound, then a callback runs on top of
   the stack as it was, where their locals still are, and says where the target goes on. */
#include "stack_walk.h"

#define UNWIND_CONSOLIDATE 0x80000029

static CONTEXT landing;
static void *volatile target;

static __attribute__((noinline)) void *callback(EXCEPTION_RECORD const *record)
{
    note("callback, record %08lX, own parameter %llX, local %d", record->ExceptionCode, record->ExceptionInformation[1],
         *(int volatile *)record->ExceptionInformation[2]);
    return (void *)landing.Rip;
}

static __attribute__((noinline)) void unwinding(void)
{
    int volatile local = 17;
    CONTEXT scratch;
    EXCEPTION_RECORD record = {
        .ExceptionCode = UNWIND_CONSOLIDATE,
        .NumberParameters = 3,
        .ExceptionInformation = {(unsigned long long)callback, 0xABC, (unsigned long long)&local}};
    __try {
        RtlUnwindEx(target, NULL, &record, NULL, &scratch, NULL);
        note("not reached");
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
}

long consolidation(void)
{
    static int volatile passes;
    int volatile local = 5;
    target = own_frame();
    RtlCaptureContext(&landing);
    if (passes++ == 0)
        unwinding();
    note("pass %d, local %d", passes, local);
    return 0;
}

/* expect
finally, abnormal 1
callback, record 80000029, own parameter ABC, local 17
pass 2, local 5
returned 0
*/

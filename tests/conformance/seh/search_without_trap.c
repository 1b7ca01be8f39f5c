/* SPDX-License-Identifier: MIT */
/* The search phase, called as the function that it is, with a context and a record of one's own. It returns where a
   filter continues, and what the filter did to both is in them. */
#include "kernel.h"

static __attribute__((noinline)) void search(unsigned long code)
{
    EXCEPTION_RECORD record = {.ExceptionCode = code};
    CONTEXT context;
    RtlCaptureContext(&context);
    context.R10 = 1;
    note("returns %d", RtlDispatchException(&record, &context));
    note("R10 %llX, parameters %lu", context.R10, record.NumberParameters);
}

static long continue_first(EXCEPTION_POINTERS const *pointers)
{
    note("filter %08lX", pointers->ExceptionRecord->ExceptionCode);
    pointers->ContextRecord->R10 += 1;
    pointers->ExceptionRecord->NumberParameters = 2;
    return pointers->ExceptionRecord->ExceptionCode == 0xE0000001 ? EXCEPTION_CONTINUE_EXECUTION
                                                                 : EXCEPTION_EXECUTE_HANDLER;
}

long search_without_trap(void)
{
    __try {
        __try {
            search(0xE0000001);
            search(0xE0000002);
        } __finally {
            note("finally, abnormal %d", AbnormalTermination());
        }
    } __except (continue_first(GetExceptionInformation())) {
        note("except");
    }
    return 0;
}

/* expect kernel: ntdll exports no such function
filter E0000001
returns 1
R10 2, parameters 2
filter E0000002
finally, abnormal 1
except
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* All filters of one search see the same record and the same context, in their own frames and in those of callers. */
#include "program.h"

static EXCEPTION_POINTERS seen_first;

static __attribute__((noinline)) long compare(char const *name, EXCEPTION_POINTERS const *pointers, long answer)
{
    EXCEPTION_RECORD const *record = pointers->ExceptionRecord;
    if (seen_first.ExceptionRecord == NULL)
        seen_first = *pointers;
    note("%s: code %08lX, %lu parameters, %llu at %llX", name, record->ExceptionCode, record->NumberParameters,
         record->ExceptionInformation[0], record->ExceptionInformation[1]);
    note("record same %d, context same %d, address is RIP %d", record == seen_first.ExceptionRecord,
         pointers->ContextRecord == seen_first.ContextRecord,
         (unsigned long long)record->ExceptionAddress == pointers->ContextRecord->Rip);
    return answer;
}

static __attribute__((noinline)) void faulting(void)
{
    __try {
        __try {
            read_nowhere();
        } __except (compare("inner", GetExceptionInformation(), EXCEPTION_CONTINUE_SEARCH)) {
            note("not reached");
        }
    } __except (compare("middle", GetExceptionInformation(), EXCEPTION_CONTINUE_SEARCH)) {
        note("not reached");
    }
}

long information_in_nested_filters(void)
{
    __try {
        faulting();
    } __except (compare("outer", GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
inner: code C0000005, 2 parameters, 0 at 10
record same 1, context same 1, address is RIP 1
middle: code C0000005, 2 parameters, 0 at 10
record same 1, context same 1, address is RIP 1
outer: code C0000005, 2 parameters, 0 at 10
record same 1, context same 1, address is RIP 1
except
returned 0
*/

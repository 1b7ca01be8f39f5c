/* SPDX-License-Identifier: MIT */
/* A filter calls a function that raises and takes an exception of its own: the search that the filter belongs to is not
   disturbed, and the record it looks at stays the same. */
#include "program.h"

static __attribute__((noinline)) long careful_filter(EXCEPTION_RECORD const *record)
{
    long answer = EXCEPTION_CONTINUE_SEARCH;
    __try {
        note("filter reads %08lX", record->ExceptionCode);
        raise(0xE0000002, 0, 0);
    } __except (filter("in filter", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except in filter");
        answer = EXCEPTION_EXECUTE_HANDLER;
    }
    note("filter answers to %08lX", record->ExceptionCode);
    return answer;
}

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
}

long try_in_filter(void)
{
    __try {
        raising();
    } __except (careful_filter(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
filter reads E0000001
filter in filter E0000002 answers 1
except in filter
filter answers to E0000001
finally, abnormal 1
except
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* A function that a filter calls has a __finally of its own: it runs when the filter's exception is unwound, before the
   __finally blocks of the frames whose search the filter belongs to. */
#include "program.h"

static __attribute__((noinline)) long guarded_filter(unsigned long code)
{
    long answer = EXCEPTION_CONTINUE_SEARCH;
    __try {
        note("filter asked of %08lX", code);
        if (code == 0xE0000001)
            read_nowhere();
    } __finally {
        note("finally in the filter of %08lX, abnormal %d", code, AbnormalTermination());
    }
    return answer;
}

static __attribute__((noinline)) void filtering(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __finally {
            note("finally in the body");
        }
    } __except (guarded_filter(GetExceptionCode())) {
        note("not reached");
    }
}

long finally_in_filter(void)
{
    __try {
        filtering();
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter asked of E0000001
filter asked of C0000005
finally in the filter of C0000005, abnormal 0
filter own C0000005 answers 1
finally in the filter of E0000001, abnormal 1
finally in the body
except
returned 0
*/

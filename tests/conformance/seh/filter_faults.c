/* SPDX-License-Identifier: MIT */
/* A filter that faults: the search for its fault begins in the filter and comes past the same __try again. The unwind
   then drops the first search, and all frames below, whose __finally blocks run once. */
#include "program.h"

static __attribute__((noinline)) long faulting_filter(unsigned long code)
{
    note("filter asked of %08lX", code);
    return code == 0xE0000001 ? read_nowhere() : EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("finally of the raising function");
    }
}

static __attribute__((noinline)) void filtering(void)
{
    __try {
        raising();
    } __except (faulting_filter(GetExceptionCode())) {
        note("not reached");
    }
}

long filter_faults(void)
{
    __try {
        __try {
            filtering();
        } __finally {
            note("own finally");
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter asked of E0000001
filter asked of C0000005
filter own C0000005 answers 1
finally of the raising function
own finally
except
returned 0
*/

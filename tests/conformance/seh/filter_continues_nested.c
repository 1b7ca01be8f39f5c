/* SPDX-License-Identifier: MIT */
/* An exception that a filter raises is continued by the __try around: the filter goes on and answers the first one. */
#include "program.h"

static __attribute__((noinline)) long raising_filter(unsigned long code)
{
    note("filter asked of %08lX", code);
    if (code != 0xE0000001)
        return EXCEPTION_CONTINUE_SEARCH;
    raise(0xE0000002, 0, 0);
    note("filter goes on");
    return EXCEPTION_EXECUTE_HANDLER;
}

long filter_continues_nested(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __except (raising_filter(GetExceptionCode())) {
            note("inner except");
        }
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_CONTINUE_EXECUTION)) {
        note("not reached");
    }
    return 0;
}

/* expect
filter asked of E0000001
filter asked of E0000002
filter outer E0000002 answers -1
filter goes on
inner except
returned 0
*/

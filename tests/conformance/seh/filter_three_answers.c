/* SPDX-License-Identifier: MIT */
/* The three answers of one filter: take the exception, let the search go on, continue where it was raised. */
#include "program.h"

static __attribute__((noinline)) void raising(long answer)
{
    __try {
        raise(0xE0000001, 0, 0);
        note("continued");
    } __except (filter("inner", GetExceptionCode(), answer)) {
        note("inner except");
    }
    note("behind the inner try");
}

long filter_three_answers(void)
{
    static long const volatile answers[] = {
        EXCEPTION_EXECUTE_HANDLER, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_CONTINUE_EXECUTION};
    for (int volatile index = 0; index < 3; ++index) {
        __try {
            raising(answers[index]);
        } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("outer except");
        }
    }
    return 0;
}

/* expect
filter inner E0000001 answers 1
inner except
behind the inner try
filter inner E0000001 answers 0
filter outer E0000001 answers 1
outer except
filter inner E0000001 answers -1
continued
behind the inner try
returned 0
*/

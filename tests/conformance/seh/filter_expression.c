/* SPDX-License-Identifier: MIT */
/* A filter is an expression like any other: commas, short circuits and conditions, with side effects on locals. */
#include "program.h"

static __attribute__((noinline)) int asked(char const *what)
{
    note("asked for %s", what);
    return 1;
}

long filter_expression(void)
{
    int questions = 0;
    for (unsigned long code = 0xE0000001; code <= 0xE0000004; ++code) {
        __try {
            raise(code, 0, 0);
            note("continued");
        } __except (
            ++questions,
            GetExceptionCode() == 0xE0000001 || (GetExceptionCode() == 0xE0000002 && asked("second"))
                ? EXCEPTION_EXECUTE_HANDLER
                : (GetExceptionCode() & 1 && asked("third")) ? EXCEPTION_CONTINUE_EXECUTION
                                                             : EXCEPTION_EXECUTE_HANDLER) {
            note("except of question %d", questions);
        }
    }
    return questions;
}

/* expect
except of question 1
asked for second
except of question 2
asked for third
continued
except of question 4
returned 4
*/

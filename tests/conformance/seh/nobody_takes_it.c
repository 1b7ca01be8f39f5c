/* SPDX-License-Identifier: MIT */
/* All filters of the program refuse: the exception goes to the guard around the call, a __try like any other, which has
   the __finally blocks run. */
#include "program.h"

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __finally {
        note("finally of the raising function");
    }
}

long nobody_takes_it(void)
{
    __try {
        __try {
            raising();
        } __except (filter("inner", GetExceptionCode(), EXCEPTION_CONTINUE_SEARCH)) {
            note("not reached");
        }
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_CONTINUE_SEARCH)) {
        note("not reached");
    }
    return 0;
}

/* expect
filter inner E0000001 answers 0
filter outer E0000001 answers 0
finally of the raising function
raised E0000001
*/

/* expect wine: the guard says so there in its filter, before the unwind
filter inner E0000001 answers 0
filter outer E0000001 answers 0
raised E0000001
finally of the raising function
*/

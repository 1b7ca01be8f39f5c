/* SPDX-License-Identifier: MIT */
/* A constant filter that refuses: the search goes on with the __try around it, and its own body never runs. */
#include "program.h"

long except_zero(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
            note("not reached");
        } __except (EXCEPTION_CONTINUE_SEARCH) {
            note("not reached");
        }
        note("not reached");
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
    return 0;
}

/* expect
filter outer E0000001 answers 1
outer except
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* __try statements one after the other in one function: the exception goes to the one whose body raised it, and a
   __finally that has run already does not run again. */
#include "program.h"

static __attribute__((noinline)) void siblings(int place)
{
    __try {
        raise_at(place, 1);
    } __except (filter("first", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("first except");
    }
    __try {
        __try {
            raise_at(place, 2);
        } __finally {
            note("second finally");
        }
        __try {
            raise_at(place, 3);
        } __finally {
            note("third finally");
        }
    } __except (filter("around", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except around");
    }
    __try {
        raise_at(place, 4);
    } __except (filter("fourth", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("fourth except");
    }
}

long sibling_scopes(void)
{
    for (int volatile place = 1; place <= 4; ++place) {
        note("raised in %d", place);
        siblings(place);
    }
    return 0;
}

/* expect
raised in 1
filter first E0000001 answers 1
first except
second finally
third finally
raised in 2
filter around E0000002 answers 1
second finally
except around
raised in 3
second finally
filter around E0000003 answers 1
third finally
except around
raised in 4
second finally
third finally
filter fourth E0000004 answers 1
fourth except
returned 0
*/

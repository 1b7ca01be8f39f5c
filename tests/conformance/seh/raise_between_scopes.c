/* SPDX-License-Identifier: MIT */
/* Before, between and behind the __try statements of a function, none of them is asked: their caller is. */
#include "program.h"

static __attribute__((noinline)) void two_scopes(int place)
{
    raise_at(place, 1);
    __try {
        note("first body");
    } __except (filter("first", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    raise_at(place, 2);
    __try {
        note("second body");
    } __finally {
        note("second finally, abnormal %d", AbnormalTermination());
    }
    raise_at(place, 3);
}

long raise_between_scopes(void)
{
    for (int volatile place = 1; place <= 3; ++place) {
        __try {
            two_scopes(place);
        } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
    }
    return 0;
}

/* expect
filter caller E0000001 answers 1
except
first body
filter caller E0000002 answers 1
except
first body
second body
second finally, abnormal 0
filter caller E0000003 answers 1
except
returned 0
*/

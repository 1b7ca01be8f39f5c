/* SPDX-License-Identifier: MIT */
/* Each case of a switch has a __try of its own, and falls through into the next: a case that is entered in the middle
   has not entered the one before. */
#include "program.h"

static __attribute__((noinline)) void enter(int at)
{
    switch (at) {
    case 1:
        __try {
            raise_at(at, 1);
        } __finally {
            note("first finally");
        }
    case 2:
        __try {
            raise(0xE0000002, 0, 0);
        } __except (filter("second", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("second except");
            break;
        }
    default:
        __try {
            raise_at(at, 3);
        } __finally {
            note("third finally");
        }
    }
    note("behind");
}

long try_in_switch_cases(void)
{
    for (int volatile at = 1; at <= 4; ++at) {
        __try {
            note("case %d", at);
            enter(at);
        } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
    }
    return 0;
}

/* expect
case 1
filter caller E0000001 answers 1
first finally
except
case 2
filter second E0000002 answers 1
second except
behind
case 3
filter caller E0000003 answers 1
third finally
except
case 4
third finally
behind
returned 0
*/

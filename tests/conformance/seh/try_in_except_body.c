/* SPDX-License-Identifier: MIT */
/* A __try inside an __except body, and one inside the body of that: each takes what is raised there, none asks those
   that have landed already. */
#include "program.h"

long try_in_except_body(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __except (filter("first", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("first except");
        __try {
            raise(0xE0000002, 0, 0);
        } __except (filter("second", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("second except");
            __try {
                raise(0xE0000003, 0, 0);
            } __except (filter("third", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
                note("third except");
            }
            note("behind the third try");
        }
        note("behind the second try");
    }
    note("behind the first try");
    return 0;
}

/* expect
filter first E0000001 answers 1
first except
filter second E0000002 answers 1
second except
filter third E0000003 answers 1
third except
behind the third try
behind the second try
behind the first try
returned 0
*/

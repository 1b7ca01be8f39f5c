/* SPDX-License-Identifier: MIT */
/* An __except body is part of the __try around it: __leave there leaves that one. */
#include "program.h"

long leave_in_except_body(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("inner except leaves");
            __leave;
        }
        note("not reached");
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    note("behind");
    return 0;
}

/* expect
filter inner E0000001 answers 1
inner except leaves
behind
returned 0
*/

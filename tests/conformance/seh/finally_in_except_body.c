/* SPDX-License-Identifier: MIT */
/* A __try with a __finally inside an __except body: an exception there unwinds it, and goes past the __except whose
   body it is to the one around. */
#include "program.h"

long finally_in_except_body(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            __try {
                note("inner except");
                raise(0xE0000002, 0, 0);
            } __finally {
                note("finally, abnormal %d", AbnormalTermination());
            }
            note("not reached");
        }
        note("not reached");
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
    return 0;
}

/* expect
filter inner E0000001 answers 1
inner except
filter outer E0000002 answers 1
finally, abnormal 1
outer except
returned 0
*/

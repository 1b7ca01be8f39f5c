/* SPDX-License-Identifier: MIT */
/* The two phases in one function: the filter is asked first, then the __finally within runs, then the __except body. */
#include "program.h"

long finally_in_except_try(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
            note("not reached");
        } __finally {
            note("finally, abnormal %d", AbnormalTermination());
        }
        note("not reached");
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter own E0000001 answers 1
finally, abnormal 1
except
returned 0
*/

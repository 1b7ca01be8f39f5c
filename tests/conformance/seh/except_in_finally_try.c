/* SPDX-License-Identifier: MIT */
/* An exception taken inside a __try with a __finally: that __try goes on and ends normally. */
#include "program.h"

long except_in_finally_try(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
            note("not reached");
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
        note("behind the inner try");
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
    return 0;
}

/* expect
filter own E0000001 answers 1
except
behind the inner try
finally, abnormal 0
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter own E0000001 answers 1
finally, abnormal 1
except
behind the inner try
finally, abnormal 0
returned 0
*/

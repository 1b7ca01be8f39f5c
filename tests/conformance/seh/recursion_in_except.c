/* SPDX-License-Identifier: MIT */
/* An __except body calls the function that it belongs to: each level raises only after the one above has landed, and
   the last one fails through all of them. */
#include "program.h"

static __attribute__((noinline)) void retry(int depth)
{
    __try {
        raise(0xE0000000 + depth, 0, 0);
    } __except (filter("retry", GetExceptionCode(), depth < 3)) {
        __try {
            note("except %d", depth);
            retry(depth + 1);
        } __finally {
            note("finally %d, abnormal %d", depth, AbnormalTermination());
        }
    }
}

long recursion_in_except(void)
{
    __try {
        retry(1);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("own except");
    }
    return 0;
}

/* expect
filter retry E0000001 answers 1
except 1
filter retry E0000002 answers 1
except 2
filter retry E0000003 answers 0
filter own E0000003 answers 1
finally 2, abnormal 1
finally 1, abnormal 1
own except
returned 0
*/

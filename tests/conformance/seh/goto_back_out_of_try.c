/* SPDX-License-Identifier: MIT */
/* `goto` back to before a __try begins the whole statement again; what was left by it, was left for good. */
#include "program.h"

long goto_back_out_of_try(void)
{
    int volatile tries = 0;
again:
    __try {
        __try {
            note("try %d", ++tries);
            if (tries < 3)
                goto again;
            raise(0xE0000001, 0, 0);
        } __finally {
            note("finally, abnormal %d", AbnormalTermination());
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
        if (tries < 4)
            goto again;
    }
    return tries;
}

/* expect
try 1
finally, abnormal 1
try 2
finally, abnormal 1
try 3
filter own E0000001 answers 1
finally, abnormal 1
except
try 4
filter own E0000001 answers 1
finally, abnormal 1
except
returned 4
*/

/* SPDX-License-Identifier: MIT */
/* The fault is an instruction of the __try body itself, which only asynchronous exceptions cover. */
#include "program.h"

long fault_in_try_body(void)
{
    long volatile reached = 0;
    __try {
        reached = 1;
        reached = *NOWHERE;
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return reached;
}

/* expect
filter own C0000005 answers 1
except
returned 1
*/

/* expect gnu: the scope covers calls alone, so nobody here is asked
raised C0000005
*/

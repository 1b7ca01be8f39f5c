/* SPDX-License-Identifier: MIT */
/* A constant filter: the compiler writes a 1 into the scope table, and no filter runs. */
#include "program.h"

long except_constant(void)
{
    long volatile reached = 0;
    __try {
        reached = 1;
        read_nowhere();
        reached = 2;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        note("except %08lX, reached %ld", GetExceptionCode(), reached);
    }
    return reached;
}

/* expect
except C0000005, reached 1
returned 1
*/

/* expect wine: it reaches every __except with RAX 0, where GetExceptionCode() is
except 00000000, reached 1
returned 1
*/

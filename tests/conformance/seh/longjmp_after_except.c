/* SPDX-License-Identifier: MIT */
/* An __except block is ordinary code of its function: a jump out of it unwinds the frames above, as from anywhere. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) void jumping(void)
{
    __try {
        __try {
            read_nowhere();
        } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except jumps");
            longjmp(&point, 2);
        }
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
}

long longjmp_after_except(void)
{
    int const arrived = _setjmpex(&point, own_frame());
    if (arrived == 0)
        jumping();
    return arrived;
}

/* expect
filter inner C0000005 answers 1
except jumps
finally, abnormal 1
returned 2
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter inner C0000005 answers 1
finally, abnormal 1
except jumps
finally, abnormal 1
returned 2
*/

/* SPDX-License-Identifier: MIT */
/* A jump within one function, from inside a __try to in front of it: the __finally of the __try that is left runs. */
#include "jumps.h"

static JUMP_POINT point;

long longjmp_out_of_try(void)
{
    int volatile passes = 0;
    _setjmpex(&point, own_frame());
    note("pass %d", ++passes);
    if (passes < 3) {
        __try {
            longjmp(&point, 1);
        } __finally {
            note("finally, abnormal %d", AbnormalTermination());
        }
    }
    return passes;
}

/* expect
pass 1
finally, abnormal 1
pass 2
finally, abnormal 1
pass 3
returned 3
*/

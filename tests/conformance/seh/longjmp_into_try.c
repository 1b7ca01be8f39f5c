/* SPDX-License-Identifier: MIT */
/* A jump into a __try of the target function, from a nested one: the __finally of the outer one does not run for it,
   because that __try is not left. The scope table has several records of it: for the code before the inner __try, and
   for the code in it. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) void jump(void)
{
    __try {
        longjmp(&point, 1);
    } __finally {
        note("finally of the callee");
    }
}

long longjmp_into_try(void)
{
    void *const frame = own_frame();
    int volatile passes = 0;
    __try {
        _setjmpex(&point, frame);
        note("pass %d", ++passes);
        __try {
            if (passes < 3)
                jump();
        } __except (filter("own", GetExceptionCode(), EXCEPTION_CONTINUE_SEARCH)) {
            note("not reached");
        }
    } __finally {
        note("finally of the target, abnormal %d", AbnormalTermination());
    }
    return passes;
}

/* expect
pass 1
finally of the callee
pass 2
finally of the callee
pass 3
finally of the target, abnormal 0
returned 3
*/

/* expect wine: it looks for the target in the one record, not in all of the same __try
pass 1
finally of the callee
finally of the target, abnormal 1
pass 2
finally of the callee
finally of the target, abnormal 1
pass 3
finally of the target, abnormal 0
returned 3
*/

/* SPDX-License-Identifier: MIT */
/* A __finally that runs in an unwind jumps further up than that unwind would have gone: the two collide, and the newer
   goes on behind the frame where the older stood. No __finally runs twice. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) void faulting(void)
{
    __try {
        read_nowhere();
    } __finally {
        note("finally innermost");
    }
}

static __attribute__((noinline)) void jumping(void)
{
    __try {
        faulting();
    } __finally {
        note("finally jumps");
        longjmp(&point, 4);
    }
}

static __attribute__((noinline)) void catching(void)
{
    __try {
        __try {
            jumping();
        } __finally {
            note("finally of the catching function");
        }
    } __except (filter("catching", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
}

long jump_out_of_finally(void)
{
    int const arrived = _setjmpex(&point, own_frame());
    if (arrived == 0)
        catching();
    return arrived;
}

/* expect
filter catching C0000005 answers 1
finally innermost
finally jumps
finally of the catching function
returned 4
*/

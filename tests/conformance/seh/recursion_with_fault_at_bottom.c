/* SPDX-License-Identifier: MIT */
/* A hundred frames of one function are searched and unwound, and the __finally of each runs, innermost first. */
#include "program.h"

static int unwound, out_of_order;

static __attribute__((noinline)) int descend(int depth)
{
    int result = 0;
    __try {
        result = depth ? descend(depth - 1) + 1 : read_nowhere();
    } __finally {
        out_of_order += unwound != depth;
        unwound += AbnormalTermination();
    }
    return result;
}

long recursion_with_fault_at_bottom(void)
{
    long volatile result = -1;
    __try {
        result = descend(99);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("unwound %d, out of order %d", unwound, out_of_order);
    }
    return result;
}

/* expect
filter own C0000005 answers 1
unwound 100, out of order 0
returned FFFFFFFF
*/

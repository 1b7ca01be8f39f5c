/* SPDX-License-Identifier: MIT */
/* Locals that nothing marks as volatile, and a fault between two assignments of the __try body itself: with
   asynchronous exceptions the __except body sees what was assigned before it, and nothing of what comes after. */
#include "program.h"

static __attribute__((noinline)) int assign(char const volatile *address)
{
    int before = 0, after = 0, read = -1;
    __try {
        before = 1;
        read = *address;
        after = 1;
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        before += 10;
    }
    note("before %d, read %d, after %d", before, read, after);
    return before;
}

long locals_at_the_fault(void)
{
    assign("a");
    return assign(NOWHERE);
}

/* expect
before 1, read 97, after 1
filter own C0000005 answers 1
before 11, read -1, after 0
returned B
*/

/* expect gnu: the scope covers calls alone, so nobody here is asked
before 1, read 97, after 1
raised C0000005
*/

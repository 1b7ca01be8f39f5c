/* SPDX-License-Identifier: MIT */
/* A __try that refused one exception takes the next: nothing remembers what a filter answered, neither in the next
   round of a loop nor while the __except body of a callee raises again. */
#include "program.h"

static __attribute__((noinline)) long only_the_second(unsigned long code)
{
    return filter("choosy", code, code == 0xE0000002);
}

static __attribute__((noinline)) void raise_twice(void)
{
    __try {
        raise(0xE0000001, 0, 0);
        note("not reached");
    } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("inner except");
        raise(0xE0000002, 0, 0);
    }
}

static __attribute__((noinline)) void retry(void)
{
    for (int round = 1; round <= 2; ++round) {
        __try {
            __try {
                note("round %d", round);
                raise(0xE0000000 + round, 0, 0);
            } __except (only_the_second(GetExceptionCode())) {
                note("choosy except in round %d", round);
            }
        } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("outer except in round %d", round);
        }
    }
}

long second_exception_accepted(void)
{
    retry();
    __try {
        raise_twice();
    } __except (only_the_second(GetExceptionCode())) {
        note("choosy except");
    }
    return 0;
}

/* expect
round 1
filter choosy E0000001 answers 0
filter outer E0000001 answers 1
outer except in round 1
round 2
filter choosy E0000002 answers 1
choosy except in round 2
filter inner E0000001 answers 1
inner except
filter choosy E0000002 answers 1
choosy except
returned 0
*/

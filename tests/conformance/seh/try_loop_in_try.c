/* SPDX-License-Identifier: MIT */
/* A loop over a __try inside a __try: the inner one takes what it can as often as it comes, the outer one ends the
   loop. */
#include "program.h"

long try_loop_in_try(void)
{
    static unsigned long const volatile codes[] = {0xE0000001, 0xE0000001, 0xE0000002, 0xE0000001};
    long caught = 0;
    __try {
        for (int index = 0; index < 4; ++index) {
            __try {
                note("round %d", index);
                raise(codes[index], 0, 0);
            } __except (filter("inner", GetExceptionCode(), GetExceptionCode() == 0xE0000001)) {
                ++caught;
            }
        }
        note("not reached");
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
    return caught;
}

/* expect
round 0
filter inner E0000001 answers 1
round 1
filter inner E0000001 answers 1
round 2
filter inner E0000002 answers 0
filter outer E0000002 answers 1
outer except
returned 2
*/

/* SPDX-License-Identifier: MIT */
/* `return`, `break`, `continue` and `goto` out of the body of a __try with an __except: no unwind, no filter, and a
   later exception does not come back to it. */
#include "program.h"

static __attribute__((noinline)) int jump(int way)
{
    int rounds = 0;
    for (; rounds < 2; ++rounds) {
        __try {
            if (way == 1)
                return 100;
            if (way == 2)
                break;
            if (way == 3)
                continue;
            if (way == 4)
                goto out;
            note("body ends");
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("not reached");
        }
    }
    raise(0xE0000000 + way, 0, 0);
out:
    return rounds;
}

long jumps_out_of_except_try(void)
{
    for (int volatile way = 0; way <= 4; ++way) {
        __try {
            note("way %d returned %d", way, jump(way));
        } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
    }
    return 0;
}

/* expect
body ends
body ends
filter caller E0000000 answers 1
except
way 1 returned 100
filter caller E0000002 answers 1
except
filter caller E0000003 answers 1
except
way 4 returned 0
returned 0
*/

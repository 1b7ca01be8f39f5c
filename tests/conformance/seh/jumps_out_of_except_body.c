/* SPDX-License-Identifier: MIT */
/* `return`, `break`, `continue` and `goto` out of an __except body, through a __finally around it: when the body runs
   the exception is over, so these are jumps like any other. */
#include "program.h"

static __attribute__((noinline)) int jump(int way)
{
    int rounds = 0;
    for (; rounds < 2; ++rounds) {
        __try {
            __try {
                raise(0xE0000000 + way, 0, 0);
            } __except (EXCEPTION_EXECUTE_HANDLER) {
                if (way == 1)
                    return 100;
                if (way == 2)
                    break;
                if (way == 3)
                    continue;
                if (way == 4)
                    goto out;
            }
            note("behind except");
        } __finally {
            note("finally, abnormal %d", AbnormalTermination());
        }
    }
    rounds += 10;
out:
    return rounds;
}

long jumps_out_of_except_body(void)
{
    for (int volatile way = 0; way <= 4; ++way)
        note("way %d returned %d", way, jump(way));
    return 0;
}

/* expect
behind except
finally, abnormal 0
behind except
finally, abnormal 0
way 0 returned 12
finally, abnormal 1
way 1 returned 100
finally, abnormal 1
way 2 returned 10
finally, abnormal 1
finally, abnormal 1
way 3 returned 12
finally, abnormal 1
way 4 returned 0
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
finally, abnormal 1
behind except
finally, abnormal 0
finally, abnormal 1
behind except
finally, abnormal 0
way 0 returned 12
finally, abnormal 1
finally, abnormal 1
way 1 returned 100
finally, abnormal 1
finally, abnormal 1
way 2 returned 10
finally, abnormal 1
finally, abnormal 1
finally, abnormal 1
finally, abnormal 1
way 3 returned 12
finally, abnormal 1
finally, abnormal 1
way 4 returned 0
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* `break` ends a loop from within a __try, or a switch: out of the body is abnormal, a loop or switch inside the body
   is no way out. */
#include "program.h"

long break_through_finally(void)
{
    int volatile rounds = 0;
    for (;;) {
        __try {
            for (;;)
                if (++rounds % 2 == 0)
                    break;
            note("round %d", rounds);
            if (rounds == 4)
                break;
        } __finally {
            note("finally in loop, abnormal %d", AbnormalTermination());
        }
    }
    switch (rounds) {
    case 4:
        __try {
            if (rounds == 4)
                break;
            note("not reached");
        } __finally {
            note("finally in switch, abnormal %d", AbnormalTermination());
        }
        note("not reached");
    default:
        note("not reached");
    }
    return rounds;
}

/* expect
round 2
finally in loop, abnormal 0
round 4
finally in loop, abnormal 1
finally in switch, abnormal 1
returned 4
*/

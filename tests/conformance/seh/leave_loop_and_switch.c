/* SPDX-License-Identifier: MIT */
/* __leave goes out of the loops and switches of its __try body, where `break` and `continue` stay inside. */
#include "program.h"

long leave_loop_and_switch(void)
{
    int volatile rounds = 0;
    __try {
        for (;;) {
            switch (rounds++) {
            case 0:
                note("break ends the switch");
                break;
            case 1:
                note("continue begins the next round");
                continue;
            default:
                note("leave ends the body");
                __leave;
            }
            note("behind the switch");
        }
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
    return rounds;
}

/* expect
break ends the switch
behind the switch
continue begins the next round
leave ends the body
finally, abnormal 0
returned 3
*/

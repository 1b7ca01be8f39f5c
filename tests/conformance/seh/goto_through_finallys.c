/* SPDX-License-Identifier: MIT */
/* `goto` out of nested __try bodies runs the __finally of those that it leaves, not of the one that its label is in. */
#include "program.h"

static __attribute__((noinline)) void jump(int way)
{
    __try {
        __try {
            __try {
                if (way == 1)
                    goto middle;
                if (way == 2)
                    goto outer;
                if (way == 3)
                    goto outside;
                note("no jump");
            } __finally {
                note("inner finally, abnormal %d", AbnormalTermination());
            }
            note("behind inner");
        middle:
            note("middle label");
        } __finally {
            note("middle finally, abnormal %d", AbnormalTermination());
        }
        note("behind middle");
    outer:
        note("outer label");
    } __finally {
        note("outer finally, abnormal %d", AbnormalTermination());
    }
    note("behind outer");
outside:
    note("outside label");
}

long goto_through_finallys(void)
{
    for (int volatile way = 0; way <= 3; ++way)
        jump(way);
    return 0;
}

/* expect
no jump
inner finally, abnormal 0
behind inner
middle label
middle finally, abnormal 0
behind middle
outer label
outer finally, abnormal 0
behind outer
outside label
inner finally, abnormal 1
middle label
middle finally, abnormal 0
behind middle
outer label
outer finally, abnormal 0
behind outer
outside label
inner finally, abnormal 1
middle finally, abnormal 1
outer label
outer finally, abnormal 0
behind outer
outside label
inner finally, abnormal 1
middle finally, abnormal 1
outer finally, abnormal 1
outside label
returned 0
*/

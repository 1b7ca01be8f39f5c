/* SPDX-License-Identifier: MIT */
/* Four frames refuse, the last one continues: every filter is asked once, from the innermost out, and as nothing is
   unwound each __finally runs in its turn, normally. */
#include "program.h"

static __attribute__((noinline)) void descend(int depth)
{
    __try {
        __try {
            if (depth == 0)
                raise(0xE0000001, 0, 0);
            else
                descend(depth - 1);
        } __finally {
            note("finally %d, abnormal %d", depth, AbnormalTermination());
        }
    } __except (note("frame %d refuses", depth), EXCEPTION_CONTINUE_SEARCH) {
        note("not reached");
    }
}

long search_through_refusing_frames(void)
{
    __try {
        descend(3);
        note("back");
    } __except (filter("own", GetExceptionCode(), EXCEPTION_CONTINUE_EXECUTION)) {
        note("not reached");
    }
    return 0;
}

/* expect
frame 0 refuses
frame 1 refuses
frame 2 refuses
frame 3 refuses
filter own E0000001 answers -1
finally 0, abnormal 0
finally 1, abnormal 0
finally 2, abnormal 0
finally 3, abnormal 0
back
returned 0
*/

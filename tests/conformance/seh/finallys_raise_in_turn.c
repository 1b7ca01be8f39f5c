/* SPDX-License-Identifier: MIT */
/* Three frames, each with a __finally that raises the next code: every unwind collides with the one before, and the
   frame at the end is asked of all of them, and lands for the last. Twice, to see that nothing is left over. */
#include "program.h"

static __attribute__((noinline)) void descend(int level)
{
    __try {
        if (level == 3)
            raise(0xE0000000, 0, 0);
        descend(level + 1);
    } __finally {
        note("finally of level %d raises, abnormal %d", level, AbnormalTermination());
        raise(0xE0000000 + level, 0, 0);
    }
}

long finallys_raise_in_turn(void)
{
    for (int round = 0; round < 2; ++round) {
        __try {
            descend(1);
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("except");
        }
    }
    return 0;
}

/* expect
filter own E0000000 answers 1
finally of level 3 raises, abnormal 1
filter own E0000003 answers 1
finally of level 2 raises, abnormal 1
filter own E0000002 answers 1
finally of level 1 raises, abnormal 1
filter own E0000001 answers 1
except
filter own E0000000 answers 1
finally of level 3 raises, abnormal 1
filter own E0000003 answers 1
finally of level 2 raises, abnormal 1
filter own E0000002 answers 1
finally of level 1 raises, abnormal 1
filter own E0000001 answers 1
except
returned 0
*/

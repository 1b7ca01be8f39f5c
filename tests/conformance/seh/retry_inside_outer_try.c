/* SPDX-License-Identifier: MIT */
/* An __except body jumps back to a label of the __try body around it: that one has not been left, so its __finally
   waits for the end of the last try. */
#include "program.h"

static __attribute__((noinline)) int attempt(int number)
{
    if (number < 3)
        raise(0xE0000000 + number, 0, 0);
    return number;
}

long retry_inside_outer_try(void)
{
    int number = 0, result = 0;
    __try {
    again:
        __try {
            result = attempt(++number);
        } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("attempt %d failed", number);
            goto again;
        }
        note("attempt %d succeeded", number);
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
    return result;
}

/* expect
filter inner E0000001 answers 1
attempt 1 failed
filter inner E0000002 answers 1
attempt 2 failed
attempt 3 succeeded
finally, abnormal 0
returned 3
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter inner E0000001 answers 1
finally, abnormal 1
attempt 1 failed
filter inner E0000002 answers 1
finally, abnormal 1
attempt 2 failed
attempt 3 succeeded
finally, abnormal 0
returned 3
*/

/* SPDX-License-Identifier: MIT */
/* __except and __finally by turns, four deep in one function: only the __finally blocks between the raise and the
   accepting __except are unwound; the one outside it ends normally. */
#include "program.h"

static __attribute__((noinline)) void nest(long inner_answer)
{
    __try {
        __try {
            __try {
                __try {
                    raise(0xE0000001, 0, 0);
                } __finally {
                    note("inner finally, abnormal %d", AbnormalTermination());
                }
            } __except (filter("inner", GetExceptionCode(), inner_answer)) {
                note("inner except");
            }
            note("behind inner except");
        } __finally {
            note("outer finally, abnormal %d", AbnormalTermination());
        }
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
}

long mixed_four_deep(void)
{
    nest(EXCEPTION_EXECUTE_HANDLER);
    nest(EXCEPTION_CONTINUE_SEARCH);
    return 0;
}

/* expect
filter inner E0000001 answers 1
inner finally, abnormal 1
inner except
behind inner except
outer finally, abnormal 0
filter inner E0000001 answers 0
filter outer E0000001 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
outer except
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter inner E0000001 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
inner except
behind inner except
outer finally, abnormal 0
filter inner E0000001 answers 0
filter outer E0000001 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
outer except
returned 0
*/

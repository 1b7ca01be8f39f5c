/* SPDX-License-Identifier: MIT */
/* `goto` from a __try body of one kind through the other, and from an __except body out of all: the __finally blocks
   on the way run, whether an exception came before or not. */
#include "program.h"

static __attribute__((noinline)) int jump(int way)
{
    int result = 0;
    __try {
        __try {
            __try {
                __try {
                    if (way == 1)
                        goto done;
                    raise(0xE0000000 + way, 0, 0);
                } __finally {
                    note("inner finally, abnormal %d", AbnormalTermination());
                    result += 1;
                }
            } __except (filter("inner", GetExceptionCode(), way != 2)) {
                note("inner except");
                result += 10;
                if (way == 3)
                    goto done;
            }
        } __finally {
            note("outer finally, abnormal %d", AbnormalTermination());
            result += 100;
        }
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
        result += 1000;
        goto done;
    }
    result += 10000;
done:
    return result;
}

long goto_through_except_and_finally(void)
{
    for (int volatile way = 1; way <= 4; ++way)
        note("way %d: %d", way, jump(way));
    return 0;
}

/* expect
inner finally, abnormal 1
outer finally, abnormal 1
way 1: 101
filter inner E0000002 answers 0
filter outer E0000002 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
outer except
way 2: 1101
filter inner E0000003 answers 1
inner finally, abnormal 1
inner except
outer finally, abnormal 1
way 3: 111
filter inner E0000004 answers 1
inner finally, abnormal 1
inner except
outer finally, abnormal 0
way 4: 10111
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
inner finally, abnormal 1
outer finally, abnormal 1
way 1: 101
filter inner E0000002 answers 0
filter outer E0000002 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
outer except
way 2: 1101
filter inner E0000003 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
inner except
outer finally, abnormal 1
way 3: 211
filter inner E0000004 answers 1
inner finally, abnormal 1
outer finally, abnormal 1
inner except
outer finally, abnormal 0
way 4: 10211
returned 0
*/

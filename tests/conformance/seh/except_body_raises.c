/* SPDX-License-Identifier: MIT */
/* An __except body is outside its own __try: an exception raised there is asked of the next one around, which unwinds
   the __finally between. */
#include "program.h"

long except_body_raises(void)
{
    __try {
        __try {
            __try {
                raise(0xE0000001, 0, 0);
            } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
                note("inner except");
                read_nowhere();
                note("not reached");
            }
        } __finally {
            note("finally, abnormal %d", AbnormalTermination());
        }
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
    return 0;
}

/* expect
filter inner E0000001 answers 1
inner except
filter outer C0000005 answers 1
finally, abnormal 1
outer except
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter inner E0000001 answers 1
finally, abnormal 1
inner except
filter outer C0000005 answers 1
finally, abnormal 1
outer except
returned 0
*/

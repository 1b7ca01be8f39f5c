/* SPDX-License-Identifier: MIT */
/* A __finally around an __except raises, in an unwind that began inside both: the __except within has been left as
   well, and is not asked of the new exception, which it would take. */
#include "program.h"

static __attribute__((noinline)) void nest(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __except (filter("inner", GetExceptionCode(), GetExceptionCode() == 0xE0000002)) {
            note("not reached");
        }
    } __finally {
        note("finally raises, abnormal %d", AbnormalTermination());
        raise(0xE0000002, 0, 0);
    }
}

long finally_raises_outside_inner_except(void)
{
    __try {
        nest();
    } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter inner E0000001 answers 0
filter caller E0000001 answers 1
finally raises, abnormal 1
filter caller E0000002 answers 1
except
returned 0
*/

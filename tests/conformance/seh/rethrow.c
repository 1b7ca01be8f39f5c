/* SPDX-License-Identifier: MIT */
/* An __except body raises again, first the code that it took, then another one: it is a new exception each time, from a
   frame that has been unwound to, and the __finally of the frame below has run before. */
#include "program.h"

static __attribute__((noinline)) void raising(void)
{
    __try {
        raise(0xE0000001, 0, 1);
    } __finally {
        note("finally");
    }
}

static __attribute__((noinline)) void rethrowing(unsigned long code)
{
    __try {
        raising();
    } __except (filter("inner", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("rethrows %08lX", code);
        raise(code, 0, 2);
        note("not reached");
    }
}

long rethrow(void)
{
    static unsigned long const volatile codes[] = {0xE0000001, 0xE0000002};
    for (int volatile index = 0; index < 2; ++index) {
        __try {
            rethrowing(codes[index]);
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("outer except");
        }
    }
    return 0;
}

/* expect
filter inner E0000001 answers 1
finally
rethrows E0000001
exception E0000001, flags 0
parameter 2
outer except
filter inner E0000001 answers 1
finally
rethrows E0000002
exception E0000002, flags 0
parameter 2
outer except
returned 0
*/

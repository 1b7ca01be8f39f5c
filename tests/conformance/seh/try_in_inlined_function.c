/* SPDX-License-Identifier: MIT */
/* A function with a __try that becomes part of another function's __try: its scopes then lie in that function's table,
   inside the outer one, twice. */
#include "program.h"

static inline __attribute__((always_inline)) void step(unsigned long code)
{
    __try {
        raise(code, 0, 0);
        note("not reached");
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        note("step failed");
        if (code == 0xE0000002)
            raise(0xE0000003, 0, 0);
    }
    note("step done");
}

long try_in_inlined_function(void)
{
    __try {
        step(0xE0000001);
        step(0xE0000002);
        note("not reached");
    } __except (filter("outer", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("outer except");
    }
    return 0;
}

/* expect
step failed
step done
step failed
filter outer E0000003 answers 1
outer except
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* A filter raises for two exceptions and takes the third, its own last one: its __try lands once, out of three searches
   that are still open. */
#include "program.h"

static __attribute__((noinline)) long raising_filter(unsigned long code)
{
    note("filter asked of %08lX", code);
    if (code < 0xE0000003)
        raise(code + 1, 0, 0);
    return EXCEPTION_EXECUTE_HANDLER;
}

long filter_accepts_own_fault(void)
{
    for (int round = 0; round < 2; ++round) {
        __try {
            __try {
                raise(0xE0000001, 0, 0);
            } __finally {
                note("finally of round %d", round);
            }
        } __except (raising_filter(GetExceptionCode())) {
            note("except of round %d", round);
        }
    }
    return 0;
}

/* expect
filter asked of E0000001
filter asked of E0000002
filter asked of E0000003
finally of round 0
except of round 0
filter asked of E0000001
filter asked of E0000002
filter asked of E0000003
finally of round 1
except of round 1
returned 0
*/

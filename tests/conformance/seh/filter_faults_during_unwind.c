/* SPDX-License-Identifier: MIT */
/* A nested exception inside a collision: a __finally raises in an unwind, and the filter that is asked of that
   faults. Its fault is searched past the filter, the second search, the __finally and the first unwind, and is taken.
   */
#include "program.h"

static __attribute__((noinline)) long faulting_filter(unsigned long code)
{
    note("filter asked of %08lX", code);
    return code == 0xE0000002 ? read_nowhere() : EXCEPTION_EXECUTE_HANDLER;
}

static __attribute__((noinline)) void replacing(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 0);
        } __finally {
            note("inner finally raises");
            raise(0xE0000002, 0, 0);
        }
    } __finally {
        note("outer finally");
    }
}

long filter_faults_during_unwind(void)
{
    __try {
        replacing();
    } __except (faulting_filter(GetExceptionCode())) {
        note("except");
    }
    return 0;
}

/* expect
filter asked of E0000001
inner finally raises
filter asked of E0000002
filter asked of C0000005
outer finally
except
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* A variadic function spills its register arguments above its frame; one of the pointers it is given is bad. */
#include <stdarg.h>

#include "program.h"

static __attribute__((noinline)) int sum(int *done, int count, ...)
{
    va_list pointers;
    int total = 0;
    va_start(pointers, count);
    for (int index = 0; index < count; ++index) {
        total += *va_arg(pointers, int volatile const *);
        *done += 1;
    }
    va_end(pointers);
    return total;
}

long variadic_callee_faults(void)
{
    int const two = 2, three = 3, four = 4;
    int done = 0;
    long volatile total = sum(&done, 3, &two, &three, &four);
    note("total %ld of %d", total, done);
    done = 0;
    __try {
        total = sum(&done, 5, &two, &three, &four, NOWHERE, &two);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except after %d", done);
    }
    return total;
}

/* expect
total 9 of 3
filter own C0000005 answers 1
except after 3
returned 9
*/

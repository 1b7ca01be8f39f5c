/* SPDX-License-Identifier: MIT */
/* A variadic function takes exceptions while it walks through its arguments, and goes on with the next argument. */
#include <stdarg.h>

#include "program.h"

static __attribute__((noinline)) int sum_of_readable(int count, ...)
{
    va_list arguments;
    int sum = 0, failed = 0;
    va_start(arguments, count);
    __try {
        for (int index = 0; index < count; ++index) {
            char const volatile *address = va_arg(arguments, char const volatile *);
            __try {
                if (address == NOWHERE)
                    read_nowhere();
                sum += *address;
            } __except (note("argument %d of %d", index, count), EXCEPTION_EXECUTE_HANDLER) {
                ++failed;
            }
        }
    } __finally {
        va_end(arguments);
        note("sum %d, failed %d", sum, failed);
    }
    return sum;
}

long variadic_function_with_try(void)
{
    static char const values[] = {1, 2, 4};
    sum_of_readable(0);
    sum_of_readable(6, &values[0], NOWHERE, &values[1], NOWHERE, NOWHERE, &values[2]);
    return 0;
}

/* expect
sum 0, failed 0
argument 1 of 6
argument 3 of 6
argument 4 of 6
sum 7, failed 3
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
sum 0, failed 0
argument 1 of 6
sum 1, failed 0
argument 3 of 6
sum 3, failed 1
argument 4 of 6
sum 3, failed 2
sum 7, failed 3
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* Functions called through pointers, each call in the same scope; the one that fails is the one the index says. */
#include "program.h"

static int fine(void)
{
    return 1;
}

static int faulting(void)
{
    return read_nowhere();
}

static int raising(void)
{
    raise(0xE0000001, 0, 0);
    return 3;
}

long function_pointers(void)
{
    static int (*const volatile functions[])(void) = {fine, faulting, fine, raising};
    long volatile sum = 0;
    for (int volatile index = 0; index < 4; ++index) {
        __try {
            sum += functions[index]();
        } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("function %d failed", index);
        }
    }
    return sum;
}

/* expect
filter own C0000005 answers 1
function 1 failed
filter own E0000001 answers 1
function 3 failed
returned 2
*/

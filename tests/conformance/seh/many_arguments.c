/* SPDX-License-Identifier: MIT */
/* Arguments beyond the fourth lie on the caller's stack; a filter of the callee reads them, and its __except, too. */
#include "program.h"

static __attribute__((noinline)) int add(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j)
{
    int volatile sum = 0;
    __try {
        sum = a + b + c + d + e + f + g + h + i + j;
        sum += read_nowhere();
    } __except (filter("add", GetExceptionCode(), e == 5 && j == 10)) {
        note("except, arguments %d %d %d %d %d %d %d %d %d %d", a, b, c, d, e, f, g, h, i, j);
    }
    return sum;
}

long many_arguments(void)
{
    return add(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
}

/* expect
filter add C0000005 answers 1
except, arguments 1 2 3 4 5 6 7 8 9 10
returned 37
*/

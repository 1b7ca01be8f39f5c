/* SPDX-License-Identifier: MIT */
/* A quotient that does not fit comes as the same trap as a division by zero; the divisor tells the two apart. */
#include "program.h"

static __attribute__((noinline)) void divide(int dividend, int divisor)
{
    __asm__ volatile("cltd\n\tidivl %1" : "+a"(dividend) : "r"(divisor) : "edx");
}

static __attribute__((noinline)) void divide_wide(long long dividend, long long const *divisor)
{
    __asm__ volatile("cqto\n\tidivq %1" : "+a"(dividend) : "m"(*divisor) : "rdx");
}

static __attribute__((noinline)) void divide_high(unsigned long long high, unsigned long long divisor)
{
    unsigned long long low = 0;
    __asm__ volatile("divq %2" : "+a"(low), "+d"(high) : "r"(divisor));
}

long division_overflow(void)
{
    static long long const minus_one = -1;
    __try {
        divide((-0x7FFFFFFF - 1), -1);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("32 bits");
    }
    __try {
        divide_wide(-0x7FFFFFFFFFFFFFFF - 1, &minus_one);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("64 bits");
    }
    __try {
        divide_high(5, 5);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("unsigned");
    }
    return 0;
}

/* expect
exception C0000095, flags 0
32 bits
exception C0000095, flags 0
64 bits
exception C0000095, flags 0
unsigned
returned 0
*/

/* expect wine: it takes every divide error for a division by zero
exception C0000094, flags 0
32 bits
exception C0000094, flags 0
64 bits
exception C0000094, flags 0
unsigned
returned 0
*/

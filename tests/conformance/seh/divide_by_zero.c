/* SPDX-License-Identifier: MIT */
/* Division by zero, signed and unsigned, of 32 and 64 bits: no parameters, and the address is the division. */
#include "program.h"

static __attribute__((noinline)) int signed_32(int volatile const *divisor)
{
    return 100 / *divisor;
}

static __attribute__((noinline)) unsigned unsigned_32(unsigned volatile const *divisor)
{
    return 100 / *divisor;
}

static __attribute__((noinline)) long long signed_64(long long volatile const *divisor)
{
    return 100 / *divisor;
}

static __attribute__((noinline)) unsigned long long unsigned_64(unsigned long long volatile const *divisor)
{
    return 100 / *divisor;
}

long divide_by_zero(void)
{
    static long long volatile zero, quotient;
    for (int volatile which = 0; which < 4; ++which) {
        __try {
            switch (which) {
            case 0: quotient = signed_32((int *)&zero); break;
            case 1: quotient = unsigned_32((unsigned *)&zero); break;
            case 2: quotient = signed_64((long long *)&zero); break;
            case 3: quotient = unsigned_64((unsigned long long *)&zero); break;
            }
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("division %d", which);
        }
    }
    return 0;
}

/* expect
exception C0000094, flags 0
division 0
exception C0000094, flags 0
division 1
exception C0000094, flags 0
division 2
exception C0000094, flags 0
division 3
returned 0
*/

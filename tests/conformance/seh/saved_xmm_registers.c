/* SPDX-License-Identifier: MIT */
/* Callee-saved XMM registers come back from where the unwound functions saved them. */
#include "program.h"

static __attribute__((noinline)) double spoil(double value)
{
    double const values[] = {value + 1, value + 2, value + 3, value + 4, value + 5, value + 6};
    __asm__ volatile("xorps %%xmm6, %%xmm6\n\txorps %%xmm7, %%xmm7\n\txorps %%xmm8, %%xmm8\n\txorps %%xmm9, %%xmm9\n\t"
                     "xorps %%xmm10, %%xmm10\n\txorps %%xmm11, %%xmm11\n\txorps %%xmm12, %%xmm12\n\t"
                     "xorps %%xmm13, %%xmm13\n\txorps %%xmm14, %%xmm14\n\txorps %%xmm15, %%xmm15" ::
                         : "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return values[2] + read_nowhere();
}

static __attribute__((noinline)) int catches(double value)
{
    __try {
        value = spoil(value);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except, tenths %d", (int)(value * 10));
    }
    return (int)value;
}

long saved_xmm_registers(void)
{
    double volatile start = 0.5;
    double const one = start + 1, two = start + 2, three = start + 3, four = start + 4, five = start + 5;
    double const six = start + 6, seven = start + 7, eight = start + 8, nine = start + 9, ten = start + 10;
    int const caught = catches(start * 8);
    note("caught %d, tenths %d %d %d %d %d", caught, (int)(one * 10), (int)(two * 10), (int)(three * 10),
         (int)(four * 10), (int)(five * 10));
    note("tenths %d %d %d %d %d", (int)(six * 10), (int)(seven * 10), (int)(eight * 10), (int)(nine * 10),
         (int)(ten * 10));
    return caught;
}

/* expect
filter own C0000005 answers 1
except, tenths 40
caught 4, tenths 15 25 35 45 55
tenths 65 75 85 95 105
returned 4
*/

/* SPDX-License-Identifier: MIT */
/* Callee-saved integer registers come back from where the unwound functions pushed them, whatever these did since. */
#include "program.h"

static __attribute__((noinline)) int spoil(int value)
{
    __asm__ volatile("xorl %%ebx, %%ebx\n\txorl %%esi, %%esi\n\txorl %%edi, %%edi\n\txorl %%r12d, %%r12d\n\t"
                     "xorl %%r13d, %%r13d\n\txorl %%r14d, %%r14d\n\txorl %%r15d, %%r15d" ::
                         : "rbx", "rsi", "rdi", "r12", "r13", "r14", "r15");
    return value + read_nowhere();
}

static __attribute__((noinline)) int catches(int value)
{
    __try {
        value = spoil(value);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        value += 1;
    }
    return value;
}

long saved_integer_registers(void)
{
    long volatile start = 100;
    long const a = start + 1, b = start + 2, c = start + 3, d = start + 4, e = start + 5, f = start + 6, g = start + 7;
    int const caught = catches(4);
    note("caught %d, kept %ld %ld %ld %ld %ld %ld %ld", caught, a, b, c, d, e, f, g);
    return a + b + c + d + e + f + g;
}

/* expect
filter own C0000005 answers 1
caught 5, kept 101 102 103 104 105 106 107
returned 2D8
*/

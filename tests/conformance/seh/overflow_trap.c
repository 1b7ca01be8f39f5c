/* SPDX-License-Identifier: MIT */
/* The overflow trap, which 64-bit code reaches by int 4 alone: RIP is behind the instruction. */
#include "program.h"

static __attribute__((noinline)) int overflow(int value)
{
    __asm__ volatile("int $4" : "+r"(value));
    return value + 1;
}

static long look_back(EXCEPTION_RECORD const *record)
{
    unsigned char const *address = record->ExceptionAddress;
    note("behind int 4: %d", address[-2] == 0xCD && address[-1] == 4);
    return show(record);
}

long overflow_trap(void)
{
    __try {
        return overflow(1);
    } __except (look_back(GetExceptionInformation()->ExceptionRecord)) {
        return 3;
    }
}

/* expect
behind int 4: 1
exception C0000095, flags 0
returned 3
*/

/* SPDX-License-Identifier: MIT */
/* Frames of more than a page each, which their unwind data describes in 8-byte units, are unwound. A kernel stack has
   24 KB in all. */
#include "program.h"

static __attribute__((noinline)) int large(int index)
{
    unsigned char volatile room[0x1200];
    room[index] = 1;
    room[sizeof room - 1] = 2;
    return room[index] + read_nowhere() + room[sizeof room - 1];
}

static __attribute__((noinline)) int larger(int index)
{
    unsigned char volatile room[0x1500];
    room[index] = 3;
    return large(index) + room[index];
}

long fault_below_large_frame(void)
{
    unsigned char volatile own[0x1010];
    long sum = 0;
    own[0] = 11;
    own[sizeof own - 1] = 22;
    __try {
        sum = larger(9);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except, own %d %d", own[0], own[sizeof own - 1]);
    }
    return sum;
}

/* expect
filter own C0000005 answers 1
except, own 11 22
returned 0
*/

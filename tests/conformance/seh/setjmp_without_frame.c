/* SPDX-License-Identifier: MIT */
/* A jump point without a frame: longjmp loads the registers and unwinds nothing. A value of 0 arrives as 1. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) void jump(int value)
{
    __try {
        __asm__ volatile("xorl %%ebx, %%ebx\n\txorl %%esi, %%esi" ::: "rbx", "rsi", "rdi", "r12", "xmm6");
        longjmp(&point, value);
    } __finally {
        note("not reached");
    }
}

long setjmp_without_frame(void)
{
    static int const volatile values[] = {7, 0, -3};
    int volatile index = 0, arrived;
    arrived = _setjmp(&point, NULL);
    note("arrived with %d", arrived);
    if (index < 3)
        jump(values[index++]);
    return index;
}

/* expect
arrived with 0
arrived with 7
arrived with 1
arrived with -3
returned 3
*/

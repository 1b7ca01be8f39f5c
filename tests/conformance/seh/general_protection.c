/* SPDX-License-Identifier: MIT */
/* A segment selector that no table has is a general protection fault, too: in the kernel it is an access violation. */
#include "program.h"

static __attribute__((noinline)) void load_selector(int selector)
{
    __asm__ volatile("movw %w0, %%es" ::"r"(selector));
}

long general_protection(void)
{
    __try {
        load_selector(0xFFF8);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
exception C0000005, flags 0
parameter 0
parameter FFFFFFFFFFFFFFFF
except
returned 0
*/

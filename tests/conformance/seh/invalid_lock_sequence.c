/* SPDX-License-Identifier: MIT */
/* A lock prefix before an instruction that takes none is an illegal instruction with a status of its own. */
#include "program.h"

static __attribute__((noinline)) int locked(int value)
{
    __asm__ volatile(".byte 0xF0, 0x90" : "+r"(value));
    return value + 1;
}

long invalid_lock_sequence(void)
{
    __try {
        return locked(1);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        return 7;
    }
}

/* expect
exception C000001E, flags 0
returned 7
*/

/* expect wine: it does not look at the invalid opcode
exception C000001D, flags 0
returned 7
*/

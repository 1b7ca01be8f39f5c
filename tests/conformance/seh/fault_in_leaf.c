/* SPDX-License-Identifier: MIT */
/* A leaf function has no frame and no unwind data: its caller is found by the return address at RSP alone. */
#include "program.h"

__attribute__((naked)) static char leaf(char volatile const *where)
{
    __asm__("movb (%rcx), %al\n\tretq");
}

static long in_leaf(EXCEPTION_RECORD const *record)
{
    note("in the leaf: %d", record->ExceptionAddress == (void *)leaf);
    return EXCEPTION_EXECUTE_HANDLER;
}

long fault_in_leaf(void)
{
    long volatile kept = 7;
    __try {
        kept += leaf(NOWHERE);
    } __except (in_leaf(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return kept;
}

/* expect
in the leaf: 1
except
returned 7
*/

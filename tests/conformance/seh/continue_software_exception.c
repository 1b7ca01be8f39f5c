/* SPDX-License-Identifier: MIT */
/* A software exception that is continued is a call that returns: a question that frames further up answer. */
#include "program.h"

static __attribute__((noinline)) int ask(int *answer)
{
    note("asks");
    raise(0xE0000007, 0, (unsigned long long)answer);
    note("has %d", *answer);
    return *answer + 1;
}

static long answers(EXCEPTION_RECORD const *record)
{
    *(int *)record->ExceptionInformation[0] = 41;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_software_exception(void)
{
    int answer = 0;
    long volatile value = 0;
    __try {
        value = ask(&answer);
        note("continued");
    } __except (answers(GetExceptionInformation()->ExceptionRecord)) {
        note("not reached");
    }
    return value;
}

/* expect
asks
has 41
continued
returned 2A
*/

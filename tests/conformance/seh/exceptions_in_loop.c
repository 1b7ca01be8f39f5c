/* SPDX-License-Identifier: MIT */
/* A caught exception leaves nothing on the stack: the thousandth finds RSP where the first did. */
#include "program.h"

static unsigned long long first_stack_pointer;

static long compare(CONTEXT const *context)
{
    if (first_stack_pointer == 0)
        first_stack_pointer = context->Rsp;
    return context->Rsp == first_stack_pointer ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

long exceptions_in_loop(void)
{
    long volatile caught = 0;
    for (long volatile round = 0; round < 1000; ++round) {
        __try {
            read_nowhere();
        } __except (compare(GetExceptionInformation()->ContextRecord)) {
            ++caught;
        }
    }
    return caught;
}

/* expect
returned 3E8
*/

/* SPDX-License-Identifier: MIT */
/* RtlRaiseStatus: an exception without parameters that cannot be continued. */
#include "program.h"

long raise_status(void)
{
    __try {
        RtlRaiseStatus(0xC000009A);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    __try {
        RtlRaiseStatus(0x12345678);
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect
exception C000009A, flags 1
except
exception 12345678, flags 1
except
returned 0
*/

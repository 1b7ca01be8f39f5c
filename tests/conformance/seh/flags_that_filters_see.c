/* SPDX-License-Identifier: MIT */
/* Of the flags that a software exception is raised with, NONCONTINUABLE and SOFTWARE_ORIGINATE reach the filters; those
   of an unwind and of a nested call are the dispatcher's own. */
#include "program.h"

long flags_that_filters_see(void)
{
    static unsigned long const volatile given[] = {0, 1, 0x80, 0x81, 0x10, 0x66, 0xFF};
    for (int volatile index = 0; index < 7; ++index) {
        __try {
            raise(0xE0000000 + given[index], given[index], 0);
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("given %lX", given[index]);
        }
    }
    return 0;
}

/* expect
exception E0000000, flags 0
parameter 0
given 0
exception E0000001, flags 1
parameter 0
given 1
exception E0000080, flags 80
parameter 0
given 80
exception E0000081, flags 81
parameter 0
given 81
exception E0000010, flags 0
parameter 0
given 10
exception E0000066, flags 0
parameter 0
given 66
exception E00000FF, flags 81
parameter 0
given FF
returned 0
*/

/* expect wine: the record's own flags stay there, and those of an unwind keep every filter from being asked
exception E0000000, flags 0
parameter 0
given 0
exception E0000001, flags 1
parameter 0
given 1
exception E0000080, flags 80
parameter 0
given 80
exception E0000081, flags 81
parameter 0
given 81
exception E0000010, flags 10
parameter 0
given 10
raised E0000066
*/

/* SPDX-License-Identifier: MIT */
/* Software exceptions with no, one and the most parameters; each has its own. */
#include "program.h"

static __attribute__((noinline)) void raise_many(unsigned long count)
{
    EXCEPTION_RECORD record = {.ExceptionCode = 0xE0000000 + count, .NumberParameters = count};
    for (unsigned long index = 0; index < count; ++index)
        record.ExceptionInformation[index] = 0x1111111100000000 + index;
    RtlRaiseException(&record);
}

long software_exception_parameters(void)
{
    static unsigned long const volatile counts[] = {0, 1, EXCEPTION_MAXIMUM_PARAMETERS};
    for (int volatile index = 0; index < 3; ++index) {
        __try {
            raise_many(counts[index]);
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("except");
        }
    }
    return 0;
}

/* expect
exception E0000000, flags 0
except
exception E0000001, flags 0
parameter 1111111100000000
except
exception E000000F, flags 0
parameter 1111111100000000
parameter 1111111100000001
parameter 1111111100000002
parameter 1111111100000003
parameter 1111111100000004
parameter 1111111100000005
parameter 1111111100000006
parameter 1111111100000007
parameter 1111111100000008
parameter 1111111100000009
parameter 111111110000000A
parameter 111111110000000B
parameter 111111110000000C
parameter 111111110000000D
parameter 111111110000000E
except
returned 0
*/

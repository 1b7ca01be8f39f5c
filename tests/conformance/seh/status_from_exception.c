/* SPDX-License-Identifier: MIT */
/* The way drivers report a fault: the __except body turns the code into the status that the function returns, for
   some codes into another one. */
#include "program.h"

#define STATUS_UNSUCCESSFUL ((long)0xC0000001)

static __attribute__((noinline)) long request(unsigned long code)
{
    long status = 0;
    __try {
        if (code == 0xC0000005)
            read_nowhere();
        else if (code)
            raise(code, 0, 0);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (long)GetExceptionCode();
        switch (status) {
        case (long)0xE0000001:
            return STATUS_UNSUCCESSFUL;
        case (long)0xE0000002:
            status = 0;
            break;
        }
    }
    return status;
}

long status_from_exception(void)
{
    static unsigned long const volatile codes[] = {0, 0xC0000005, 0xE0000001, 0xE0000002, 0xC0000120};
    for (int index = 0; index < 5; ++index)
        note("status %08lX", request(codes[index]));
    return 0;
}

/* expect
status 00000000
status C0000005
status C0000001
status 00000000
status C0000120
returned 0
*/

/* expect wine: Wine reaches every __except with RAX 0, which is where GetExceptionCode() is
status 00000000
status 00000000
status 00000000
status 00000000
status 00000000
returned 0
*/

/* SPDX-License-Identifier: MIT */
/* KeBugCheckEx is no exception: it stops the machine where it is called, and nothing of the __try around it runs. */
#include "kernel.h"

long bugcheck_in_try(void)
{
    __try {
        __try {
            note("stops");
            KeBugCheckEx(0xE2, 0x11, 0x22, 0x33, 0x44);
        } __finally {
            note("not reached");
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return 0;
}

/* expect kernel: an export of ntoskrnl alone
stops
bugchecked E2 11
*/

/* SPDX-License-Identifier: MIT */
/* The raises that only the kernel has: each is RtlRaiseStatus with its status. An access violation that is raised so
   has none of the two parameters that handlers may look for. */
#include "kernel.h"

long executive_raises(void)
{
    for (int volatile which = 0; which < 3; ++which) {
        __try {
            switch (which) {
            case 0: ExRaiseStatus(0xC000000D); break;
            case 1: ExRaiseAccessViolation(); break;
            case 2: ExRaiseDatatypeMisalignment(); break;
            }
            note("not reached");
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("except %08lX", GetExceptionCode());
        }
    }
    return 0;
}

/* expect kernel: exports of ntoskrnl alone
exception C000000D, flags 1
except C000000D
exception C0000005, flags 1
except C0000005
exception 80000002, flags 1
except 80000002
returned 0
*/

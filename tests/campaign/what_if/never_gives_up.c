// SPDX-License-Identifier: MIT
// Tries again until it works.
//
// call: user:8 kernel:8
// expect: 1 timeout: it never ended: 20,000 blocks were used up at never_gives_up!NeverGivesUp

#include <ntddk.h>

NTSTATUS NeverGivesUp(const ULONG *user, ULONG *out)
{
    for (;;) {
        __try {
            *out = *(volatile const ULONG *)user;
            return STATUS_SUCCESS;
        } __except (EXCEPTION_EXECUTE_HANDLER) {
        }
    }
}

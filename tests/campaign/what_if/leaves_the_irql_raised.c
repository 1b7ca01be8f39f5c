// SPDX-License-Identifier: MIT
// Lowers the IRQL again only where nothing fails.
//
// call: user:8 kernel:8
// expect: 1 state-leak: IRQL is 1, was 0; after none@arg0+0,access=1

#include <ntddk.h>

NTSTATUS LeavesTheIrqlRaised(const ULONG *user, ULONG *out)
{
    KIRQL old;
    KeRaiseIrql(APC_LEVEL, &old);
    __try {
        *out = *(volatile const ULONG *)user;
        KeLowerIrql(old);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

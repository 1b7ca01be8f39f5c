// SPDX-License-Identifier: MIT
// The exception goes past KeLeaveCriticalRegion, up to the caller.
//
// call: user:8 kernel:8
// expect: 1 state-leak: a critical region was entered at leaves_a_critical_region_entered!LeavesACriticalRegionEntered

#include <ntddk.h>

NTSTATUS LeavesACriticalRegionEntered(const ULONG *user, ULONG *out)
{
    KeEnterCriticalRegion();
    *out = *(volatile const ULONG *)user;
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}

// SPDX-License-Identifier: MIT
// The exception path forgets a mutex that shows in no IRQL and no region.
//
// call: user:8 kernel:8
// expect: 1 state-leak: the fast mutex acquired at keeps_a_mutex!KeepsAMutex

#include <ntddk.h>

static FAST_MUTEX mutex;

NTSTATUS KeepsAMutex(const ULONG *user, ULONG *out)
{
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    __try {
        *out = *(volatile const ULONG *)user;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        KeLeaveCriticalRegion();
        return GetExceptionCode();
    }
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}

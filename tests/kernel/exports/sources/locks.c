// SPDX-License-Identifier: MIT
// Takes locks as drivers do, by the names that the headers give them, and returns the IRQLs that it saw.

#include <ntddk.h>

ULONG initialize(PFAST_MUTEX mutex)
{
    ExInitializeFastMutex(mutex);
    return 0;
}

ULONG nested(PFAST_MUTEX mutex)
{
    ULONG seen;

    ExAcquireFastMutex(mutex);
    seen = KeGetCurrentIrql() << 8;
    seen |= (ULONG)(!ExTryToAcquireFastMutex(mutex)) << 16;
    ExReleaseFastMutex(mutex);
    return seen | KeGetCurrentIrql();
}

ULONG spin_lock(PKSPIN_LOCK lock)
{
    KIRQL old, raised;
    ULONG seen;

    KeRaiseIrql(APC_LEVEL, &raised);
    KeInitializeSpinLock(lock);
    KeAcquireSpinLock(lock, &old);
    seen = old | KeGetCurrentIrql() << 8;
    KeReleaseSpinLock(lock, old);
    KeLowerIrql(raised);
    return seen | KeGetCurrentIrql() << 16;
}

// SPDX-License-Identifier: MIT
// Locks, regions and the IRQL, left as they were found and otherwise.
#include "kernel.h"

static KSPIN_LOCK Global;

// call: ForgetsTheSpinLock 3
ULONG ForgetsTheSpinLock(ULONG value)
{
    KIRQL old;
    KeAcquireSpinLock(&Global, &old); // finds: lock
    if (value > 2)
        return 1;
    KeReleaseSpinLock(&Global, old);
    return 0;
}

// call: TheExceptionGoesPastTheMutex 0x1000 kernel:64
ULONG TheExceptionGoesPastTheMutex(const UCHAR *user, UCHAR *out)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    __try {
        ExAcquireFastMutex(&mutex); // finds: lock
        CopyFromUser(out, user, 16);
        ExReleaseFastMutex(&mutex);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: RaisesInACriticalRegion 0x1000 kernel:64
ULONG RaisesInACriticalRegion(const UCHAR *user, UCHAR *out)
{
    KeEnterCriticalRegion(); // finds: lock
    CopyFromUser(out, user, 16);
    KeLeaveCriticalRegion();
    return 0;
}

// call: EntersTwiceLeavesOnce 0
ULONG EntersTwiceLeavesOnce(ULONG value)
{
    KeEnterCriticalRegion(); // finds: lock
    KeEnterCriticalRegion();
    KeLeaveCriticalRegion();
    return value;
}

// call: ReleasesTwice 0
ULONG ReleasesTwice(ULONG value)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeReleaseSpinLock(&lock, old);
    KeReleaseSpinLock(&lock, old); // finds: lock
    return value;
}

// call: ReleasesInTheHandlerToo 0x1000 kernel:64
ULONG ReleasesInTheHandlerToo(UCHAR *user, UCHAR *out)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    __try {
        out[0]++;
        ExReleaseFastMutex(&mutex);
        CopyToUser(user, out, 16);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        ExReleaseFastMutex(&mutex); // finds: lock
        return GetExceptionCode();
    }
    return 0;
}

// call: AcquiresTwice 0
static NOINLINE void Inner(FAST_MUTEX *mutex)
{
    ExAcquireFastMutexUnsafe(mutex); // finds: lock
    ExReleaseFastMutexUnsafe(mutex);
}

ULONG AcquiresTwice(ULONG value)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    Inner(&mutex);
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
    return value;
}

// KfRaiseIrql is inline: its line is the header's.
// call: LeavesTheIrql 0 finds=1
ULONG LeavesTheIrql(ULONG value)
{
    KIRQL old = KfRaiseIrql(APC_LEVEL);
    if (value)
        KeLowerIrql(old);
    return old;
}

// call: WritesCr8 0
ULONG WritesCr8(ULONG value)
{
    ULONG64 high = DISPATCH_LEVEL;
    __asm__ volatile("mov %0, %%cr8" : : "r"(high)); // finds: lock
    return value + 1;
}

// call: LowersTooFar 0 irql=2 finds=1
ULONG LowersTooFar(ULONG value)
{
    KeLowerIrql(APC_LEVEL);
    return value + 1;
}

// call: ReleasesToTheWrongIrql 0
ULONG ReleasesToTheWrongIrql(ULONG value)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old); // finds: lock
    KeReleaseSpinLockFromDpcLevel(&lock);
    return value + 1;
}

// Near misses.

// call: ReleasesOnEveryPath 0x1000 kernel:64
ULONG ReleasesOnEveryPath(const UCHAR *user, UCHAR *out)
{
    FAST_MUTEX mutex;
    ULONG status = 0;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    __try {
        CopyFromUser(out, user, 16);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    ExReleaseFastMutex(&mutex);
    return status;
}

// call: ReleasesInAFinally 0x1000 kernel:64
ULONG ReleasesInAFinally(const UCHAR *user, UCHAR *out)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    __try {
        CopyFromUser(out, user, 16);
    } __finally {
        ExReleaseFastMutexUnsafe(&mutex);
        KeLeaveCriticalRegion();
    }
    return 0;
}

// call: TwoLocksInAnyOrder 0
ULONG TwoLocksInAnyOrder(ULONG value)
{
    KSPIN_LOCK first, second;
    KIRQL old;
    KeInitializeSpinLock(&first);
    KeInitializeSpinLock(&second);
    KeAcquireSpinLock(&first, &old);
    KeAcquireSpinLockAtDpcLevel(&second);
    KeReleaseSpinLockFromDpcLevel(&first);
    KeReleaseSpinLock(&second, old);
    return value;
}

// call: AFailedTryHoldsNothing 0
ULONG AFailedTryHoldsNothing(ULONG value)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    if (ExTryToAcquireFastMutex(&mutex))
        value = 1;
    ExReleaseFastMutex(&mutex);
    return value;
}

// call: NestedRegions 0
ULONG NestedRegions(ULONG value)
{
    KeEnterCriticalRegion();
    KeEnterGuardedRegion();
    KeEnterCriticalRegion();
    KeLeaveCriticalRegion();
    KeLeaveGuardedRegion();
    KeLeaveCriticalRegion();
    return value;
}

// call: RaisesAndLowers 0
ULONG RaisesAndLowers(ULONG value)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    KeLowerIrql(APC_LEVEL);
    KeLowerIrql(old);
    return value;
}

// call: BeginsHigh 0 irql=2
ULONG BeginsHigh(ULONG value)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLockAtDpcLevel(&lock);
    KeReleaseSpinLockFromDpcLevel(&lock);
    return value;
}

// call: LowersInTheHandler 0
ULONG LowersInTheHandler(ULONG value)
{
    KIRQL old = KfRaiseIrql(APC_LEVEL);
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        KeLowerIrql(old);
    }
    return value;
}

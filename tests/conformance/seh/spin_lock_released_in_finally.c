/* SPDX-License-Identifier: MIT */
/* A software exception at DISPATCH_LEVEL, where a page fault would stop the machine. The __finally frees the lock. */
#include "kernel.h"

static unsigned long long lock;

static __attribute__((noinline)) void locked(void)
{
    unsigned char const before = KeAcquireSpinLockRaiseToDpc(&lock);
    __try {
        ExRaiseStatus(0xC0000001);
    } __finally {
        KeReleaseSpinLock(&lock, before);
    }
}

static long at_level(void)
{
    note("filter at %d, lock free %d", KeGetCurrentIrql(), KeTestSpinLock(&lock));
    return EXCEPTION_EXECUTE_HANDLER;
}

long spin_lock_released_in_finally(void)
{
    __try {
        locked();
    } __except (at_level()) {
        note("except at %d, lock free %d", KeGetCurrentIrql(), KeTestSpinLock(&lock));
    }
    return 0;
}

/* expect kernel: IRQL and spin locks
filter at 2, lock free 0
except at 0, lock free 1
returned 0
*/

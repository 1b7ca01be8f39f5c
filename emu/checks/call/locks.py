# SPDX-License-Identifier: GPL-2.0-or-later
"""What kernel exports acquire and release (Microsoft Learn, the pages of each)."""

from __future__ import annotations

from typing import Final, NamedTuple

SPIN_LOCK: Final = "spin lock"
FAST_MUTEX: Final = "fast mutex"
GUARDED_MUTEX: Final = "guarded mutex"
RESOURCE: Final = "ERESOURCE"
PUSH_LOCK: Final = "push lock"
RUNDOWN: Final = "rundown protection"
CRITICAL_REGION: Final = "critical region"
GUARDED_REGION: Final = "guarded region"

NESTING: Final = (RESOURCE, RUNDOWN, CRITICAL_REGION, GUARDED_REGION)
"""They may be acquired again by the thread that has them."""


class LockOperation(NamedTuple):
    """What an export does."""

    kind: str
    acquires: bool
    has_address: bool = True
    """Its first argument is the address of what it acquires or releases; a region is the thread's."""
    may_fail: bool = False
    """It returns whether it has acquired."""
    changes_irql: bool = False


def _pair(kind: str, acquire: str, release: str, *, irql: bool = False) -> dict[str, LockOperation]:
    return {
        acquire: LockOperation(kind, acquires=True, changes_irql=irql),
        release: LockOperation(kind, acquires=False, changes_irql=irql),
    }


def _region(kind: str, enter: str, leave: str) -> dict[str, LockOperation]:
    return {
        enter: LockOperation(kind, acquires=True, has_address=False),
        leave: LockOperation(kind, acquires=False, has_address=False),
    }


def _tries(kind: str, *names: str, irql: bool = False) -> dict[str, LockOperation]:
    return {name: LockOperation(kind, acquires=True, may_fail=True, changes_irql=irql) for name in names}


OPERATIONS: Final = {
    **_pair(SPIN_LOCK, "KeAcquireSpinLockRaiseToDpc", "KeReleaseSpinLock", irql=True),
    **_pair(SPIN_LOCK, "KeAcquireSpinLockAtDpcLevel", "KeReleaseSpinLockFromDpcLevel"),
    **_tries(SPIN_LOCK, "KeTryToAcquireSpinLockAtDpcLevel"),
    **_pair(FAST_MUTEX, "ExAcquireFastMutex", "ExReleaseFastMutex", irql=True),
    **_pair(FAST_MUTEX, "ExAcquireFastMutexUnsafe", "ExReleaseFastMutexUnsafe"),
    **_tries(FAST_MUTEX, "ExTryToAcquireFastMutex", irql=True),
    **_pair(GUARDED_MUTEX, "KeAcquireGuardedMutex", "KeReleaseGuardedMutex"),
    **_pair(GUARDED_MUTEX, "KeAcquireGuardedMutexUnsafe", "KeReleaseGuardedMutexUnsafe"),
    **_tries(GUARDED_MUTEX, "KeTryToAcquireGuardedMutex"),
    **_tries(RESOURCE, "ExAcquireResourceExclusiveLite", "ExAcquireResourceSharedLite"),
    **_tries(RESOURCE, "ExAcquireSharedStarveExclusive", "ExAcquireSharedWaitForExclusive"),
    "ExReleaseResourceLite": LockOperation(RESOURCE, acquires=False),
    **_pair(PUSH_LOCK, "ExAcquirePushLockExclusiveEx", "ExReleasePushLockExclusiveEx"),
    **_pair(PUSH_LOCK, "ExAcquirePushLockSharedEx", "ExReleasePushLockSharedEx"),
    **_tries(RUNDOWN, "ExAcquireRundownProtection"),
    "ExReleaseRundownProtection": LockOperation(RUNDOWN, acquires=False),
    **_region(CRITICAL_REGION, "KeEnterCriticalRegion", "KeLeaveCriticalRegion"),
    **_region(GUARDED_REGION, "KeEnterGuardedRegion", "KeLeaveGuardedRegion"),
}
"""By the names of exports. Those that the kernel here does not have may be a user's own."""

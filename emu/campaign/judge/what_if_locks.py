# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks that a call has acquired and not released, by the exports that it called.

Who tries to acquire a lock may fail, which no event says: where that was called, locks of its kind are not counted.
Most locks show in the IRQL or in the regions that the thread is in, too, tried or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from emu.address import Gva
from emu.events import Event, ExportCalled


class LockKind(NamedTuple):
    """The exports of a kind of lock."""

    name: str
    acquires: frozenset[str]
    tries: frozenset[str]
    releases: frozenset[str]


KINDS: Final = (
    LockKind(
        "spin lock",
        frozenset(("KeAcquireSpinLockRaiseToDpc", "KeAcquireSpinLockAtDpcLevel")),
        frozenset(("KeTryToAcquireSpinLockAtDpcLevel",)),
        frozenset(("KeReleaseSpinLock", "KeReleaseSpinLockFromDpcLevel")),
    ),
    LockKind(
        "fast mutex",
        frozenset(("ExAcquireFastMutex", "ExAcquireFastMutexUnsafe")),
        frozenset(("ExTryToAcquireFastMutex",)),
        frozenset(("ExReleaseFastMutex", "ExReleaseFastMutexUnsafe")),
    ),
    LockKind(
        "guarded mutex",
        frozenset(("KeAcquireGuardedMutex", "KeAcquireGuardedMutexUnsafe")),
        frozenset(("KeTryToAcquireGuardedMutex",)),
        frozenset(("KeReleaseGuardedMutex", "KeReleaseGuardedMutexUnsafe")),
    ),
)


def held_locks(events: Iterable[Event]) -> Mapping[str, tuple[Gva, ...]]:
    """Return, by the name of the kind, the return addresses of the acquisitions whose locks are still held."""
    calls = [event for event in events if type(event) is ExportCalled]
    held = {}
    for kind in KINDS if calls else ():
        acquired: list[Gva] = []
        for name, return_address in calls:
            if name in kind.tries:
                acquired.clear()
                break
            if name in kind.acquires:
                acquired.append(return_address)
            elif name in kind.releases and acquired:
                acquired.pop()
        if acquired:
            held[kind.name] = tuple(acquired)
    return held

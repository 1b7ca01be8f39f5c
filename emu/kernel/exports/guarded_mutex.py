# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports for guarded mutexes (Microsoft Learn, KeAcquireGuardedMutex, and so on): the owner is in a guarded region."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.kernel.exports.apc import ke_enter_guarded_region, ke_leave_guarded_region
from emu.kernel.exports.event import SYNCHRONIZATION_EVENT, initialize_event
from emu.kernel.exports.mutex import find_free, find_owned, is_free, release, take
from emu.kernel.stubs import ExportCall, ExportFunction

_KIND: Final = "guarded mutex"

_CONTENTION: Final = 0x10
_EVENT: Final = 0x18


def ke_initialize_guarded_mutex(call: ExportCall) -> None:
    """KeInitializeGuardedMutex(mutex): the structure is opaque, and here that of a fast mutex."""
    address = Gva(call.argument(0))
    release(call, address)
    call.system.write_guest(Gva(address + _CONTENTION), bytes(4))
    initialize_event(call.system, address + _EVENT, SYNCHRONIZATION_EVENT, signaled=False)


def ke_acquire_guarded_mutex(call: ExportCall) -> None:
    """KeAcquireGuardedMutex(mutex): enters a guarded region; the IRQL stays as it is."""
    take(call, find_free(call, _KIND))
    ke_enter_guarded_region(call)


def ke_try_to_acquire_guarded_mutex(call: ExportCall) -> int:
    """KeTryToAcquireGuardedMutex(mutex): whether it was free; the thread is in a guarded region then."""
    if not is_free(call):
        return 0
    ke_acquire_guarded_mutex(call)
    return 1


def ke_release_guarded_mutex(call: ExportCall) -> None:
    """KeReleaseGuardedMutex(mutex): leaves the guarded region."""
    release(call, find_owned(call))
    ke_leave_guarded_region(call)


def ke_acquire_guarded_mutex_unsafe(call: ExportCall) -> None:
    """KeAcquireGuardedMutexUnsafe(mutex): for a caller that has disabled APCs itself."""
    take(call, find_free(call, _KIND))


def ke_release_guarded_mutex_unsafe(call: ExportCall) -> None:
    """KeReleaseGuardedMutexUnsafe(mutex)."""
    release(call, find_owned(call))


EXPORTS: Final[dict[str, ExportFunction]] = {
    "KeAcquireGuardedMutex": ke_acquire_guarded_mutex,
    "KeAcquireGuardedMutexUnsafe": ke_acquire_guarded_mutex_unsafe,
    "KeInitializeGuardedMutex": ke_initialize_guarded_mutex,
    "KeReleaseGuardedMutex": ke_release_guarded_mutex,
    "KeReleaseGuardedMutexUnsafe": ke_release_guarded_mutex_unsafe,
    "KeTryToAcquireGuardedMutex": ke_try_to_acquire_guarded_mutex,
}

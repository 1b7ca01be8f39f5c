# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports for fast mutexes, and the event in them (Microsoft Learn, ExAcquireFastMutex, KeInitializeEvent).

Headers initialise a FAST_MUTEX inline: Count = 1, then KeInitializeEvent. There is one thread, so that waiting for a
held mutex never ends: that is said at once.
"""

from __future__ import annotations

import struct
from typing import Final

from emu.address import Gva
from emu.kernel.exports.irql import lower_irql, raise_irql
from emu.kernel.irql import APC_LEVEL
from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportFunction, ExportUnmodelled
from emu.nt.bugcheck import BugCheck

_MUTEX: Final = struct.Struct("<i4xQ")
"""FAST_MUTEX's Count, 1 while it is free, and Owner."""
_OLD_IRQL: Final = 0x30

_EVENT: Final = struct.Struct("<BxBxIQQ")
"""KEVENT: Type, Size in doublewords, SignalState, and the list head of those who wait."""
_EVENT_DOUBLEWORDS: Final = 6
_WAIT_LIST: Final = 8


def _mutex(call: ExportCall) -> tuple[Gva, int, int]:
    address = Gva(call.argument(0))
    count, owner = _MUTEX.unpack(call.system.read_guest(address, _MUTEX.size))
    return address, count, owner


def _find_free(call: ExportCall) -> Gva:
    address, count, _ = _mutex(call)
    if count <= 0:
        raise ExportUnmodelled(
            f"deadlock: the fast mutex at {address:#x} is held, and there is no other thread to release it"
        )
    return address


def _take(call: ExportCall, address: Gva) -> None:
    call.system.write_guest(address, _MUTEX.pack(0, call.system.current_thread))


def _find_owned(call: ExportCall) -> Gva:
    address, count, owner = _mutex(call)
    if count > 0 or owner != call.system.current_thread:
        raise ExportBugcheck(BugCheck.THREAD_NOT_MUTEX_OWNER, address, owner, 0, call.caller)
    return address


def ex_acquire_fast_mutex(call: ExportCall) -> None:
    """ExAcquireFastMutex(mutex): raises the IRQL to APC_LEVEL; bugchecks above it."""
    system = call.system
    if system.cpu.irql <= APC_LEVEL:
        address = _find_free(call)
        system.write_guest(Gva(address + _OLD_IRQL), system.cpu.irql.to_bytes(4, "little"))
        _take(call, address)
    raise_irql(call, APC_LEVEL)


def ex_try_to_acquire_fast_mutex(call: ExportCall) -> int:
    """ExTryToAcquireFastMutex(mutex): whether it was free; the IRQL is APC_LEVEL then, else as it was."""
    _, count, _ = _mutex(call)
    if count <= 0:
        return 0
    ex_acquire_fast_mutex(call)
    return 1


def ex_release_fast_mutex(call: ExportCall) -> None:
    """ExReleaseFastMutex(mutex): back to the IRQL of its acquisition."""
    system, address = call.system, _find_owned(call)
    old = int.from_bytes(system.read_guest(Gva(address + _OLD_IRQL), 4), "little") & 0xFF
    system.write_guest(address, _MUTEX.pack(1, 0))
    lower_irql(call, old)


def ex_acquire_fast_mutex_unsafe(call: ExportCall) -> None:
    """ExAcquireFastMutexUnsafe(mutex): the IRQL stays as it is."""
    _take(call, _find_free(call))


def ex_release_fast_mutex_unsafe(call: ExportCall) -> None:
    """ExReleaseFastMutexUnsafe(mutex): the IRQL stays as it is."""
    call.system.write_guest(_find_owned(call), _MUTEX.pack(1, 0))


def ke_initialize_event(call: ExportCall) -> None:
    """KeInitializeEvent(event, type, state): type 0 is a notification event, 1 a synchronization event."""
    address, kind, state = call.argument(0), call.argument(1) & 0xFF, call.argument(2) & 0xFF
    wait_list = address + _WAIT_LIST
    call.system.write_guest(Gva(address), _EVENT.pack(kind, _EVENT_DOUBLEWORDS, int(state != 0), wait_list, wait_list))


EXPORTS: Final[dict[str, ExportFunction]] = {
    "ExAcquireFastMutex": ex_acquire_fast_mutex,
    "ExAcquireFastMutexUnsafe": ex_acquire_fast_mutex_unsafe,
    "ExReleaseFastMutex": ex_release_fast_mutex,
    "ExReleaseFastMutexUnsafe": ex_release_fast_mutex_unsafe,
    "ExTryToAcquireFastMutex": ex_try_to_acquire_fast_mutex,
    "KeInitializeEvent": ke_initialize_event,
}

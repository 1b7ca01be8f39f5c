# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports for fast mutexes (Microsoft Learn, ExAcquireFastMutex, and so on). Headers initialise them inline."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.kernel.exports.irql import lower_irql, raise_irql
from emu.kernel.exports.mutex import find_free, find_owned, is_free, release, take
from emu.kernel.irql import APC_LEVEL
from emu.kernel.stubs import ExportCall, ExportFunction

_KIND: Final = "fast mutex"

_OLD_IRQL: Final = 0x30


def ex_acquire_fast_mutex(call: ExportCall) -> None:
    """ExAcquireFastMutex(mutex): raises the IRQL to APC_LEVEL; bugchecks above it."""
    system = call.system
    if system.cpu.irql <= APC_LEVEL:
        address = find_free(call, _KIND)
        system.write_guest(Gva(address + _OLD_IRQL), system.cpu.irql.to_bytes(4, "little"))
        take(call, address)
    raise_irql(call, APC_LEVEL)


def ex_try_to_acquire_fast_mutex(call: ExportCall) -> int:
    """ExTryToAcquireFastMutex(mutex): whether it was free; the IRQL is APC_LEVEL then, else as it was."""
    if not is_free(call):
        return 0
    ex_acquire_fast_mutex(call)
    return 1


def ex_release_fast_mutex(call: ExportCall) -> None:
    """ExReleaseFastMutex(mutex): back to the IRQL of its acquisition."""
    address = find_owned(call)
    old = int.from_bytes(call.system.read_guest(Gva(address + _OLD_IRQL), 4), "little") & 0xFF
    release(call, address)
    lower_irql(call, old)


def ex_acquire_fast_mutex_unsafe(call: ExportCall) -> None:
    """ExAcquireFastMutexUnsafe(mutex): the IRQL stays as it is."""
    take(call, find_free(call, _KIND))


def ex_release_fast_mutex_unsafe(call: ExportCall) -> None:
    """ExReleaseFastMutexUnsafe(mutex): the IRQL stays as it is."""
    release(call, find_owned(call))


EXPORTS: Final[dict[str, ExportFunction]] = {
    "ExAcquireFastMutex": ex_acquire_fast_mutex,
    "ExAcquireFastMutexUnsafe": ex_acquire_fast_mutex_unsafe,
    "ExReleaseFastMutex": ex_release_fast_mutex,
    "ExReleaseFastMutexUnsafe": ex_release_fast_mutex_unsafe,
    "ExTryToAcquireFastMutex": ex_try_to_acquire_fast_mutex,
}

# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports for spin locks (Microsoft Learn, KeAcquireSpinLock and its relatives).

A KSPIN_LOCK is a quadword of the guest's: 0 free, 1 held. There is one processor, so that waiting for a held lock never
ends: that is said at once, not spun out.
"""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.kernel.exports.irql import lower_irql, raise_irql
from emu.kernel.irql import DISPATCH_LEVEL
from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportFunction, ExportUnmodelled
from emu.nt.bugcheck import BugCheck

_FREE: Final = bytes(8)
_HELD: Final = (1).to_bytes(8, "little")


def _is_held(call: ExportCall) -> bool:
    return call.system.read_guest(Gva(call.argument(0)), 8) != _FREE


def _acquire(call: ExportCall) -> None:
    if _is_held(call):
        raise ExportUnmodelled(
            f"deadlock: the spin lock at {call.argument(0):#x} is held, and on one processor nobody can release it"
        )
    call.system.write_guest(Gva(call.argument(0)), _HELD)


def _release(call: ExportCall) -> None:
    if not _is_held(call):
        raise ExportBugcheck(BugCheck.SPIN_LOCK_NOT_OWNED, call.argument(0), call.system.cpu.irql, 0, call.caller)
    call.system.write_guest(Gva(call.argument(0)), _FREE)


def ke_initialize_spin_lock(call: ExportCall) -> None:
    """KeInitializeSpinLock(lock)."""
    call.system.write_guest(Gva(call.argument(0)), _FREE)


def ke_acquire_spin_lock_raise_to_dpc(call: ExportCall) -> int:
    """KeAcquireSpinLockRaiseToDpc(lock): what KeAcquireSpinLock calls; returns the old IRQL.

    The IRQL is raised first, so that a lock in memory that is not resident bugchecks.
    """
    old = raise_irql(call, DISPATCH_LEVEL)
    _acquire(call)
    return old


def ke_release_spin_lock(call: ExportCall) -> None:
    """KeReleaseSpinLock(lock, new IRQL)."""
    _release(call)
    lower_irql(call, call.argument(1) & 0xFF)


def ke_acquire_spin_lock_at_dpc_level(call: ExportCall) -> None:
    """KeAcquireSpinLockAtDpcLevel(lock): the IRQL stays as it is."""
    _acquire(call)


def ke_release_spin_lock_from_dpc_level(call: ExportCall) -> None:
    """KeReleaseSpinLockFromDpcLevel(lock)."""
    _release(call)


def ke_try_to_acquire_spin_lock_at_dpc_level(call: ExportCall) -> int:
    """KeTryToAcquireSpinLockAtDpcLevel(lock): whether it was free."""
    if _is_held(call):
        return 0
    _acquire(call)
    return 1


def ke_test_spin_lock(call: ExportCall) -> int:
    """KeTestSpinLock(lock): whether it is free."""
    return int(not _is_held(call))


EXPORTS: Final[dict[str, ExportFunction]] = {
    "KeAcquireSpinLockAtDpcLevel": ke_acquire_spin_lock_at_dpc_level,
    "KeAcquireSpinLockRaiseToDpc": ke_acquire_spin_lock_raise_to_dpc,
    "KeInitializeSpinLock": ke_initialize_spin_lock,
    "KeReleaseSpinLock": ke_release_spin_lock,
    "KeReleaseSpinLockFromDpcLevel": ke_release_spin_lock_from_dpc_level,
    "KeTestSpinLock": ke_test_spin_lock,
    "KeTryToAcquireSpinLockAtDpcLevel": ke_try_to_acquire_spin_lock_at_dpc_level,
}

# SPDX-License-Identifier: GPL-2.0-or-later
"""What fast and guarded mutexes have in common: a count and an owner.

There is one thread, so that waiting for a held mutex never ends: that is said at once.
"""

from __future__ import annotations

import struct
from typing import Final

from emu.address import Gva
from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportUnmodelled
from emu.nt.bugcheck import BugCheck

_MUTEX: Final = struct.Struct("<i4xQ")
"""Count, 1 while it is free, and Owner, at the start of FAST_MUTEX and of KGUARDED_MUTEX."""


def _read(call: ExportCall) -> tuple[Gva, int, int]:
    address = Gva(call.argument(0))
    count, owner = _MUTEX.unpack(call.system.read_guest(address, _MUTEX.size))
    return address, count, owner


def is_free(call: ExportCall) -> bool:
    """Tell whether the mutex of a call can be acquired."""
    _, count, _ = _read(call)
    return count > 0


def find_free(call: ExportCall, kind: str) -> Gva:
    """Return the address of the mutex of a call; a held one is a deadlock."""
    address, count, _ = _read(call)
    if count <= 0:
        raise ExportUnmodelled(
            f"deadlock: the {kind} at {address:#x} is held, and there is no other thread to release it"
        )
    return address


def find_owned(call: ExportCall) -> Gva:
    """Return the address of the mutex of a call; one that the thread does not hold is a bugcheck."""
    address, count, owner = _read(call)
    if count > 0 or owner != call.system.current_thread:
        raise ExportBugcheck(BugCheck.THREAD_NOT_MUTEX_OWNER, address, owner, 0, call.caller)
    return address


def take(call: ExportCall, address: Gva) -> None:
    """Make the thread the owner."""
    call.system.write_guest(address, _MUTEX.pack(0, call.system.current_thread))


def release(call: ExportCall, address: Gva) -> None:
    """Make the mutex free."""
    call.system.write_guest(address, _MUTEX.pack(1, 0))

# SPDX-License-Identifier: GPL-2.0-or-later
"""What exports that the host implements have written, as far as it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from emu.address import PAGE_SIZE, Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.export_calls import ExportCallMade
from emu.kernel.exports import pool
from emu.kernel.pool import UNINITIALIZED
from emu.memory.errors import NotMapped

_INITIALIZERS: Final = {"KeInitializeEvent": 24, "KeInitializeGuardedMutex": 0x38, "KeInitializeSpinLock": 8}
"""Bytes at the first argument that they write, zeroes among them."""
_WRITE_NOTHING: Final = ("ExAllocate", "ExFree", "ExGet", "ExRaise", "Dbg", "KeBugCheck", "KeGet", "KeLower", "KeRaise")
_GAP: Final = 8
"""Bytes that may be as they were between two that were written."""
_TERMINATOR: Final = 2
"""Bytes of a wide one, which follows what is no terminator itself."""


def fill_of(made: ExportCallMade) -> int | None:
    """Return what every byte of a block holds that an export has allocated and not initialised; None where it has."""
    flags = made.arguments[0]
    if made.name == "ExAllocatePool2":
        return UNINITIALIZED if flags & pool.FLAG_UNINITIALIZED else None
    if made.name in ("ExAllocatePool", "ExAllocatePoolWithTag", "ExAllocatePoolWithQuotaTag"):
        return None if flags & pool.TYPE_ZERO else UNINITIALIZED
    return None


def writes_of(
    made: ExportCallMade, call: CheckedCall, pages: Sequence[tuple[int, bytearray, bytearray]]
) -> Iterator[tuple[int, int]]:
    """Give the ranges that an export has written, of some pages: address, shadow, and content before.

    What is told is what it changed, with what lies between two changes close to each other and a terminator behind.
    """
    if made.name.startswith(_WRITE_NOTHING):
        return
    if made.name in _INITIALIZERS:
        yield made.arguments[0], _INITIALIZERS[made.name]
    state = None
    for address, shadow, content in pages:
        if not any(shadow):
            continue
        state = state or call.state_at(made.instruction)
        try:
            now = state.read(Gva(address), PAGE_SIZE)
        except NotMapped:
            continue
        if now == content:
            continue
        changed = np.flatnonzero(np.frombuffer(now, np.uint8) != np.frombuffer(content, np.uint8))
        content[:] = now
        for group in np.split(changed, np.flatnonzero(np.diff(changed) > _GAP) + 1):
            begin, last = int(group[0]), int(group[-1])
            end = min(last + 1 + (_TERMINATOR if now[last] else 0), PAGE_SIZE)
            yield address + begin, end - begin

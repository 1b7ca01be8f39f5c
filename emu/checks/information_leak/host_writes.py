# SPDX-License-Identifier: GPL-2.0-or-later
"""What exports that the host implements have written, as far as it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from emu.address import PAGE_SIZE, Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.export_calls import ExportCallMade
from emu.checks.call.memory_names import frame_owner
from emu.kernel.exports import EXPORTS, pool
from emu.kernel.pool import UNINITIALIZED
from emu.memory.errors import NotMapped

_OUTPUTS: Final = {
    "KeInitializeEvent": (0, 24),
    "KeInitializeGuardedMutex": (0, 0x38),
    "KeInitializeSpinLock": (0, 8),
    "RtlAnsiStringToUnicodeString": (0, 4),
    "RtlCaptureContext": (0, 0x4D0),
    "RtlIntegerToUnicodeString": (2, 4),
    "RtlLookupFunctionEntry": (1, 8),
    "RtlPcToFileHeader": (1, 8),
    "RtlUnicodeStringToAnsiString": (0, 4),
    "RtlUnicodeStringToInteger": (2, 4),
    "_setjmp": (0, 0x100),
    "_setjmpex": (0, 0x100),
}
"""Which argument points to what an export writes whole, zeroes among it, and its bytes: of strings, their lengths."""
_INT_MAX: Final = (1 << 31) - 1
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


def _documented(made: ExportCallMade) -> Iterator[tuple[int, int]]:
    """Give what an export of the kernel's writes by its documentation."""
    argument, size = _OUTPUTS.get(made.name, (0, 0))
    yield made.arguments[argument], size
    if "printf" in made.name and made.result is not None and made.result & 0xFFFF_FFFF <= _INT_MAX:
        yield made.arguments[0], ((made.result & 0xFFFF_FFFF) + 1) * (2 if "w" in made.name else 1)


def _room_at(call: CheckedCall, address: int, instruction: int) -> Iterator[tuple[int, int]]:
    """Give the rest of the pool block or of the frame that an address is in, a page at most."""
    for life in call.pool_lives:
        end = life.block.address + life.block.size
        if life.block.address <= address < end:
            yield address, min(end - address, PAGE_SIZE)
            return
    owner = frame_owner(call, address, instruction)
    if owner is not None:
        yield address, min(int(call.frames.slot[owner.number]) - address, PAGE_SIZE)


def writes_of(
    made: ExportCallMade, call: CheckedCall, pages: Sequence[tuple[int, bytearray, bytearray]]
) -> Iterator[tuple[int, int]]:
    """Give the ranges that an export has written, of some pages: address, shadow, and content before.

    Of one of the kernel's that is what it changed, with what lies between two changes close to each other and a
    terminator behind; of a user's own, all that lies behind its arguments, too.
    """
    if made.name.startswith(_WRITE_NOTHING):
        return
    yield from _documented(made)
    if made.name not in EXPORTS:
        for argument in dict.fromkeys(made.arguments):
            yield from _room_at(call, argument, made.instruction - 1)
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

# SPDX-License-Identifier: GPL-2.0-or-later
"""When pool blocks were allocated and freed."""

from __future__ import annotations

from emu.address import Gva
from emu.checks.call.pool_lives import PoolLife, pool_lives
from emu.events import DebugPrinted, Event, PoolAllocated, PoolFreed
from emu.kernel.pool import PoolBlock

CALLER = Gva(0x1000)


def block(address: int, size: int = 16) -> PoolBlock:
    return PoolBlock(Gva(address), size, 0, 0, False, CALLER, Gva(address & ~0xFFF), 1)


def allocated(address: int) -> Event:
    return PoolAllocated(Gva(address), 16, 0, CALLER)


def freed(address: int) -> Event:
    return PoolFreed(Gva(address), CALLER)


def test_lives() -> None:
    before, new, kept = block(0x5000), block(0x7000), block(0x9000)
    events = [allocated(0x7000), DebugPrinted("", 0, 0), freed(0x5000), allocated(0x9000), freed(0x7000)]
    found = pool_lives([before], events, [3, 4, 5, 8, 9], iter([new, kept]))
    assert found == [
        PoolLife(before, 0, 5, None, 2),
        PoolLife(new, 3, 9, 0, 4),
        PoolLife(kept, 8, None, 3, None),
    ]


def test_one_that_is_not_known_any_more() -> None:
    again = block(0x5000)
    events = [allocated(0x5000), freed(0x5000), allocated(0x5000)]
    assert pool_lives([], events, [1, 2, 3], iter([None, again])) == [PoolLife(again, 3, None, 2, None)]


def test_what_is_freed_twice_or_was_never_there() -> None:
    assert pool_lives([], [freed(0x5000)], [1], iter([])) == []

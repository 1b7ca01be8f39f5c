# SPDX-License-Identifier: GPL-2.0-or-later
"""When each pool block was allocated and freed, in the instructions of a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emu.events import Event, PoolAllocated, PoolFreed
from emu.kernel.pool import PoolBlock


@dataclass(slots=True)
class PoolLife:
    """One block's."""

    block: PoolBlock
    begin: int
    """How many instructions of the call came before it was allocated; 0 for one that was there before."""
    end: int | None = None
    """And before it was freed; None: it was not."""
    allocated: int | None = None
    """Index of the event, None for a block that was there before."""
    freed: int | None = None
    """Index of the event."""


def pool_lives(
    before: Sequence[PoolBlock],
    events: Sequence[Event],
    places: Sequence[int],
    allocated: Iterator[PoolBlock | None],
) -> list[PoolLife]:
    """Return the life of each block, oldest first.

    places     how many instructions came before each event
    allocated  the block of each `PoolAllocated`, None where it is not known any more
    """
    lives = [PoolLife(block, 0) for block in before]
    alive = {life.block.address: life for life in lives}
    for number, event in enumerate(events):
        if isinstance(event, PoolAllocated):
            block = next(allocated)
            if block is not None:
                life = alive[event.address] = PoolLife(block, places[number], allocated=number)
                lives.append(life)
        elif isinstance(event, PoolFreed) and event.address in alive:
            life = alive.pop(event.address)
            life.end, life.freed = places[number], number
    return lives

# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses beside pool blocks, and to blocks that were freed; the native core looks for them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from emu.address import PAGE_SIZE
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.pool_lives import PoolLife
from emu.cpu.array_address import array_address

_NEVER: Final = (1 << 63) - 1
_FIELDS: Final = 7
"""Of native/pool_accesses.c, struct pool_life; `struct pool_suspect` has 3."""
_ROOM: Final = 64
"""Suspects that there is room for at first."""


class PoolSuspect(NamedTuple):
    """An access that may be wrong."""

    life: int
    """The index of the block's life."""
    is_freed: bool
    """It touches the pages of the block, which was freed; else its pages or the page behind them, beside the block."""
    access: int


def end_of_pages(life: PoolLife) -> int:
    """Return the end of the page behind a block's."""
    return life.block.base + (life.block.pages + 1) * PAGE_SIZE


def shares_pages(one: PoolLife, other: PoolLife) -> bool:
    """Tell whether two blocks lie, or lay, on the same page."""
    one_end, other_end = end_of_pages(one) - PAGE_SIZE, end_of_pages(other) - PAGE_SIZE
    return one.block.base < other_end and other.block.base < one_end


def pool_suspects(tables: NativeTables, lives: Sequence[PoolLife]) -> list[PoolSuspect]:
    """Return what touched pages of a block beside it or after it was freed, in order: by life, freed ones behind.

    Another block may have got the pages in the meantime.
    """
    order = sorted(range(len(lives)), key=lambda number: lives[number].block.base)
    rows = np.array([_row(lives[number]) for number in order], np.uint64).reshape(-1, _FIELDS)
    room = _ROOM
    while True:
        found = np.empty((room, 3), np.int64)
        count: int = load_passes().checks_pool_accesses(
            tables.pointer, array_address(rows), len(rows), array_address(found), room
        )
        if count <= room:
            break
        room = count
    if not count:
        return []
    suspects = [PoolSuspect(order[life], bool(freed), access) for life, access, freed in found[:count].tolist()]
    return sorted(suspects, key=operator.itemgetter(0, 1, 2))


def _row(life: PoolLife) -> tuple[int, ...]:
    block = life.block
    freed = _NEVER if life.end is None else life.end
    return block.base, block.address, block.size, end_of_pages(life), life.begin, freed, 0

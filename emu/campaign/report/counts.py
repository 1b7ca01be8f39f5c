# SPDX-License-Identifier: GPL-2.0-or-later
"""How many experiments each cell has, packed: a bit a cell where none has more than one, else a number a cell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emu.campaign.report.grid import Numbers


class PackedCounts(NamedTuple):
    """Counts by cell, little-endian."""

    width: int
    """Bits a cell: 1, 8, 16 or 32. Bit n of byte k is cell 8 * k + n."""
    data: bytes


def pack_counts(cells: Numbers, count: int) -> PackedCounts:
    """Count how often each of `count` cells is named, and pack that."""
    counts = np.bincount(cells, minlength=count)
    most = int(counts.max(initial=0))
    if most <= 1:
        return PackedCounts(1, np.packbits(counts.astype(np.bool_), bitorder="little").tobytes())
    width = 8 if most < 1 << 8 else 16 if most < 1 << 16 else 32
    return PackedCounts(width, counts.astype(f"<u{width // 8}").tobytes())


def occurrence(keys: Numbers) -> Numbers:
    """Return for each key how many equal ones stand before it."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(keys) else np.zeros(0, np.bool_)
    at = np.arange(len(keys))
    result = np.empty(len(keys), np.int64)
    result[order] = at - np.maximum.accumulate(np.where(begins, at, 0))
    return result


def choose_evenly(cells: Numbers, kinds: Numbers, cells_per_pair: int, most: int) -> Numbers:
    """Choose up to `most` of some experiments so that every map has its share: indices, in ascending order.

    First comes one of each kind from every cell before a second one of any; of more cells than there is room for, the
    first ones of every map.
    """
    if len(cells) <= most:
        return np.arange(len(cells))
    within_cell = occurrence(cells * (int(kinds.max()) + 1) + kinds)
    pairs = cells // cells_per_pair
    within_pair = occurrence(pairs * (int(within_cell.max()) + 1) + within_cell)
    return np.sort(np.lexsort((within_pair, within_cell))[:most])

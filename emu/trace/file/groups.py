# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that belong together, next to each other: executions of one instruction, accesses of one operand."""

from __future__ import annotations

from typing import Any

import numpy as np

from emu.trace.file.columns import Indices, Mask
from emu.trace.source import Words


class Groups:
    """Sorts rows by a key, those with the same key in the order in which they came."""

    def __init__(self, keys: np.ndarray[Any, Any]) -> None:
        narrow = keys.astype(np.uint16) if keys.max(initial=0) <= 0xFFFF else keys  # of 16 bits: sorted by radix
        self.order: Indices = narrow.argsort(kind="stable")
        """Of each sorted row its place in time."""
        in_order = narrow[self.order]
        self.is_first: Mask = np.ones(len(keys), bool)
        """Tells which sorted rows are the first of their group."""
        self.is_first[1:] = in_order[1:] != in_order[:-1]

    @property
    def begins(self) -> Indices:
        """Of each group its first sorted row."""
        return np.flatnonzero(self.is_first)

    @property
    def sizes(self) -> Indices:
        """Of each group its number of rows."""
        return np.diff(self.begins, append=len(self.order))

    def of_rows(self, group_values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return a value of each group at each of its sorted rows."""
        return np.repeat(group_values, self.sizes)

    def in_time(self, sorted_rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Put sorted rows back in the order of time."""
        rows = np.empty_like(sorted_rows)
        rows[self.order] = sorted_rows
        return rows

    def before(self) -> Indices:
        """Return of each row, in time, the row before it in its group; -1 where there is none."""
        earlier = np.full(len(self.order), -1, np.intp)
        follows = ~self.is_first[1:]
        earlier[self.order[1:][follows]] = self.order[:-1][follows]
        return earlier


class Owners:
    """To which instruction each access belongs, as their numbers of accesses say.

    Where the numbers come to more than there are accesses the last ones go without; accesses left over belong to none.
    """

    def __init__(self, code: Groups, numbers: Words, accesses: int) -> None:
        ends = np.minimum(np.cumsum(numbers, dtype=np.uint64), np.uint64(accesses)).astype(np.intp)
        taken = np.diff(ends, prepend=0)
        owned = int(ends[-1]) if len(ends) else 0
        self.instruction: Indices = np.full(accesses, len(numbers), np.intp)
        """Of each access the row of its instruction; of one that belongs to none, the row behind the last."""
        self.instruction[:owned] = np.repeat(np.arange(len(numbers)), taken)
        ordinal = np.arange(owned) - (ends - taken)[self.instruction[:owned]]
        most = np.maximum.reduceat(taken[code.order], code.begins) if len(numbers) else np.zeros(0, np.intp)
        before = np.zeros(len(most) + 1, np.intp)
        before[1:] = np.cumsum(most)
        keys = np.full(accesses, before[-1], np.intp)
        keys[:owned] = code.in_time(code.of_rows(before[:-1]))[self.instruction[:owned]] + ordinal
        self.operands: Groups = Groups(keys)
        """The accesses by code, and by which access of its execution each is."""

# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes of user memory that a call fetches more than once.

A fetch is what one accessor reads, however often it touches a byte, or what one other instruction does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Mask, Numbers
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.tree import Activation
from emu.cpu.array_address import array_address
from emu.trace.source import Words


class FetchedByte(NamedTuple):
    """A byte that is read again."""

    address: int
    value: int
    """What the earlier access found in it, or wrote to it."""
    read: int
    """Which read of the byte in the call the later one is, counted from 1."""


class FetchPair(NamedTuple):
    """Two fetches of the same bytes, the later one with no other between them."""

    earlier: int
    """Index of an access of the earlier fetch."""
    later: int
    """Index of an access of the later one."""
    written: bool
    """The earlier one wrote them."""
    fetched: tuple[FetchedByte, ...]
    """In order of address, `MOST_BYTES` of them at most."""
    total: int
    """How many there are."""


MOST_BYTES = 64


class Fetches:
    """The fetches of user memory of one call."""

    def __init__(self, call: CheckedCall, left_out: Callable[[], Mask]) -> None:
        """`left_out` gives the accesses that are none, as those of a probe; asked only where it matters."""
        self._call = call
        self._at = touched_twice(call.native_tables, len(call.accesses), None)
        if len(self._at) and (mask := left_out()).any():
            self._at = touched_twice(call.native_tables, len(call.accesses), mask)

    def accessor_of(self, access: int) -> Activation | None:
        """Return the outermost accessor that made an access."""
        return self._call.accessor_at(int(self._call.accesses.instruction[access]))

    def pairs(self) -> Iterator[FetchPair]:
        """Give the first two fetches of the same bytes of each two places in the code, in order of the later ones."""
        if not len(self._at):
            return
        accesses = self._call.accesses
        access, byte = self._expand()
        reads = accesses.is_read[access]
        fetch = self._fetch_numbers(access)
        again = ((byte[1:] == byte[:-1]) & (fetch[1:] != fetch[:-1]) & reads[1:]).nonzero()[0] + 1
        if not len(again):
            return
        ordinal = _ordinals(byte, reads)
        pairs = np.stack((fetch[again - 1], fetch[again]), 1)
        found, which = np.unique(pairs, axis=0, return_inverse=True)
        which = which.reshape(-1)
        first_of: dict[tuple[int, int], FetchPair] = {}
        for number in range(len(found)):
            rows = again[which == number]
            earlier, later = int(access[rows[0] - 1]), int(access[rows[0]])
            sites = self._site(earlier), self._site(later)
            if sites not in first_of or later < first_of[sites].later:
                some = rows[:MOST_BYTES].tolist()
                fetched = tuple(
                    FetchedByte(int(byte[row]), self._byte_of(int(access[row - 1]), int(byte[row])), int(ordinal[row]))
                    for row in some
                )
                first_of[sites] = FetchPair(earlier, later, not bool(reads[rows[0] - 1]), fetched, len(rows))
        yield from sorted(first_of.values(), key=lambda pair: pair.later)

    def _expand(self) -> tuple[Numbers, Words]:
        """Return an access and a byte for each byte that is touched, in order of the bytes, then of time."""
        accesses = self._call.accesses
        sizes = accesses.size[self._at].astype(np.int64)
        access = np.repeat(self._at, sizes)
        begins = np.cumsum(sizes) - sizes
        within = np.arange(len(access)) - np.repeat(begins, sizes)
        byte = accesses.address[access] + within.astype(np.uint64)
        order = np.lexsort((access, byte))
        return access[order], byte[order]

    def _fetch_numbers(self, access: Numbers) -> Numbers:
        """Return which fetch some accesses are of: the accessor's number, or behind all of these the instruction."""
        instruction = self._call.accesses.instruction[access]
        outermost = self._call.outermost_accessors[self._call.tree.owner[instruction]]
        return np.where(outermost >= 0, outermost, len(self._call.outermost_accessors) + instruction)

    def _site(self, access: int) -> int:
        """Return the place that is to blame: the call of the accessor, or the instruction."""
        accessor = self.accessor_of(access)
        if accessor is None:
            return int(self._call.accesses.rip[access])
        if accessor.call_site is None:
            return int(accessor.entry)
        return int(self._call.instructions.rip[accessor.call_site])

    def _byte_of(self, access: int, byte: int) -> int:
        accesses = self._call.accesses
        return accesses.value(access) >> 8 * (byte - int(accesses.address[access])) & 0xFF


def touched_twice(tables: NativeTables, count: int, left_out: Mask | None) -> Numbers:
    """Return the accesses to user memory that were performed and share a byte with another one, up to the last read.

    What is written behind that is not fetched again.

    count  how many accesses there are
    """
    room = np.empty(3 * count, np.int64)
    found = array_address(room)
    number = load_passes().checks_touched_twice(
        tables.pointer, None if left_out is None else array_address(left_out), found + 8 * count, found
    )
    return room[:number]


def _ordinals(byte: Words, reads: Mask) -> Numbers:
    """Return of each row how many reads of its byte there were up to it."""
    total = np.cumsum(reads)
    begins = np.concatenate(([True], byte[1:] != byte[:-1]))
    before = np.where(begins, total - reads, 0)
    return total - np.maximum.accumulate(before)

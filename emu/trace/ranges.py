# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses of data in words: which byte of which buffer, and which ranges many accesses touched."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from emu.trace.code import TracedBuffer
from emu.trace.layout import READ, WRITE, AccessFlag
from emu.trace.source import Table, Words

LISTED: Final = 3
"""Ranges of one buffer that are listed; more are called scattered."""

KEPT: Final = 1024
"""Ranges that are kept apart at most; of more, the nearest become one."""


class BufferNames:
    """Names the bytes of buffers."""

    def __init__(self, buffers: Sequence[TracedBuffer]) -> None:
        """Where two buffers have had the same bytes, the later one names them."""
        newest = {buffer.address: buffer for buffer in buffers if buffer.size}
        self._buffers = [newest[address] for address in sorted(newest)]
        self._begins: list[int] = [buffer.address for buffer in self._buffers]

    def find(self, address: int) -> TracedBuffer | None:
        """Return the buffer that holds a byte."""
        number = bisect.bisect_right(self._begins, address) - 1
        if number < 0 or address >= self._begins[number] + self._buffers[number].size:
            return None
        return self._buffers[number]

    def locate(self, address: int) -> str:
        """Return `buffer+offset`, or the address."""
        buffer = self.find(address)
        return f"{address:#x}" if buffer is None else f"{buffer.name}+{address - buffer.address}"

    def argument(self, value: int) -> str:
        """Return an argument of a call: a buffer by its name alone where it points to its first byte."""
        buffer = self.find(value)
        return buffer.name if buffer is not None and value == buffer.address else self.locate(value)

    def between(self, first: int, last: int) -> str:
        """Return the bytes from one to another in words: `buffer+0..511`, or how many there are at an address.

        `last` may lie below `first`, where the bytes were touched downwards.
        """
        if first == last:
            return self.locate(first)
        buffer = self.find(first)
        if buffer is not None and buffer is self.find(last):
            return f"{self.locate(first)}..{last - buffer.address}"
        if first < last:
            return f"{last - first + 1} bytes at {self.locate(first)}"
        return f"{first - last + 1} bytes down to {self.locate(last)}"

    def parts(self, first: int, last: int) -> Iterator[tuple[TracedBuffer | None, int, int]]:
        """Part a range where buffers begin and end."""
        while first <= last:
            buffer = self.find(first)
            if buffer is not None:
                end = buffer.address + buffer.size - 1
            else:
                number = bisect.bisect_right(self._begins, first)
                end = self._begins[number] - 1 if number < len(self._begins) else last
            yield buffer, first, min(end, last)
            first = min(end, last) + 1


class Side(NamedTuple):
    """What the accesses of one kind to one half of the address space touched, in words."""

    kind: int
    user: bool
    text: str


class Touched:
    """The bytes that accesses touched, as ranges."""

    def __init__(self) -> None:
        self._ranges: dict[tuple[int, bool], tuple[Words, Words]] = {}

    def add(self, accesses: Table) -> None:
        """Add those of a table."""
        is_user = accesses["flags"] & AccessFlag.USER != 0
        for kind in (READ, WRITE):
            for user in (True, False):
                these = accesses[(accesses["kind"] == kind) & (is_user == user)]
                if len(these):
                    first = these["address"]
                    last = np.maximum(first + (these["size"].astype(np.uint64) - np.uint64(1)), first)
                    known = self._ranges.get((kind, user))
                    if known is not None:
                        first, last = np.concatenate([known[0], first]), np.concatenate([known[1], last])
                    self._ranges[kind, user] = joined(first, last)

    def sides(self, names: BufferNames) -> list[Side]:
        """Return them in words, reads before writes."""
        return [
            Side(kind, user, ", ".join(self._words(names, kind, user)))
            for kind, user in sorted(self._ranges, key=lambda side: (side[0] != READ, not side[1]))
        ]

    def _words(self, names: BufferNames, kind: int, user: bool) -> Iterator[str]:
        groups: dict[TracedBuffer | None, list[tuple[int, int]]] = {}
        first, last = self._ranges[kind, user]
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            for buffer, low, high in names.parts(begin, end):
                groups.setdefault(buffer, []).append((low, high))
        for ranges in groups.values():
            if len(ranges) <= LISTED:
                yield from (names.between(low, high) for low, high in ranges)
            else:
                yield f"scattered over {names.between(ranges[0][0], ranges[-1][1])}"


def joined(first: Words, last: Words, kept: int = KEPT) -> tuple[Words, Words]:
    """Join ranges that overlap or touch, and the nearest of them where more than `kept` would stay apart.

    first, last  addresses of the first and the last byte of each; the result is in ascending order
    """
    order = np.argsort(first, kind="stable")
    first, last = first[order], np.maximum.accumulate(last[order])
    if not len(first):
        return first, last
    gap = np.where(first[1:] > last[:-1], first[1:] - last[:-1], np.uint64(0))
    apart = gap > 1
    if np.count_nonzero(apart) >= kept:
        apart &= gap > np.sort(gap)[-kept]
    begins = np.flatnonzero(np.concatenate([[True], apart]))
    return first[begins], last[np.append(begins[1:], len(first)) - 1]

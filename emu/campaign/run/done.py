# SPDX-License-Identifier: GPL-2.0-or-later
"""Which experiments of a campaign are done, as ranges of positions.

An experiment's position is its place in the order in which the campaign runs, from 0: the plan's `numbers()[position]`
is its number. In a sweep that is not sampled the two are the same.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator


class DoneRanges:
    """Positions, as ranges that neither overlap nor touch, in ascending order. Does not change."""

    __slots__ = ("_begins", "_ranges")

    def __init__(self, ranges: Iterable[range] = ()) -> None:
        """Take ranges in any order. Raises ValueError where one is empty, steps, or overlaps another."""
        joined: list[range] = []
        for each in sorted(ranges, key=lambda each: each.start):
            if not each or each.step != 1 or each.start < 0:
                raise ValueError(f"{each} is no range of positions")
            if joined and joined[-1].stop > each.start:
                raise ValueError(f"positions {each.start} to {min(joined[-1].stop, each.stop) - 1} are there twice")
            if joined and joined[-1].stop == each.start:
                joined[-1] = range(joined[-1].start, each.stop)
            else:
                joined.append(each)
        self._ranges = tuple(joined)
        self._begins = [each.start for each in joined]

    def __iter__(self) -> Iterator[range]:
        return iter(self._ranges)

    def __contains__(self, position: int) -> bool:
        index = bisect.bisect_right(self._begins, position) - 1
        return index >= 0 and position in self._ranges[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DoneRanges) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __repr__(self) -> str:
        return f"DoneRanges({', '.join(f'{each.start}-{each.stop - 1}' for each in self._ranges)})"

    @property
    def count(self) -> int:
        """How many positions there are."""
        return sum(len(each) for each in self._ranges)

    @property
    def end(self) -> int:
        """The position behind the last one."""
        return self._ranges[-1].stop if self._ranges else 0

    def missing(self, total: int) -> Iterator[range]:
        """Return what lies between them in the first `total` positions, in ascending order."""
        begin = 0
        for each in self._ranges:
            if each.start >= total:
                break
            if begin < each.start:
                yield range(begin, each.start)
            begin = each.stop
        if begin < total:
            yield range(begin, total)

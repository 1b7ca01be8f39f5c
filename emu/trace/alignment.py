# SPDX-License-Identifier: GPL-2.0-or-later
"""Two sequences side by side with as few gaps as can be.

The greedy algorithm of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section 2, cut off at a
number of gaps so that it is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Alignment(NamedTuple):
    """Which elements of two sequences are the same ones."""

    pairs: list[tuple[int, int]]
    """Their indices, both ascending."""
    ends: tuple[int, int]
    """How far in each it was aligned."""


def align(a: Sequence[int], b: Sequence[int], most_gaps: int = 1000) -> Alignment:
    """Align two sequences; past `most_gaps` elements that only one of them has, it stops.

    Where it stops early, it is with what is aligned so far of the longest way. One gap in otherwise equal sequences
    may have any length. Time is bounded by (len(a) + len(b)) × most_gaps, memory by the square of `most_gaps`.
    """
    begin = 0
    while begin < min(len(a), len(b)) and a[begin] == b[begin]:
        begin += 1
    end = 0
    while end < min(len(a), len(b)) - begin and a[-1 - end] == b[-1 - end]:
        end += 1
    middle = a[begin : len(a) - end], b[begin : len(b) - end]
    pairs, ends = _align_unequal(*middle, most_gaps)
    pairs = [*((at, at) for at in range(begin)), *((begin + i, begin + j) for i, j in pairs)]
    if ends != (len(middle[0]), len(middle[1])):
        return Alignment(pairs, (begin + ends[0], begin + ends[1]))
    pairs.extend((len(a) - at, len(b) - at) for at in range(end, 0, -1))
    return Alignment(pairs, (len(a), len(b)))


def _align_unequal(a: Sequence[int], b: Sequence[int], most_gaps: int) -> Alignment:
    """Align what is left without the common ends. Where one has nothing left, the gaps are not counted."""
    if not a or not b:
        return Alignment([], (len(a), len(b)))
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    best = 0, 0, 0
    for gaps in range(most_gaps + 1):
        history.append(dict(furthest))
        for diagonal in range(-gaps, gaps + 1, 2):
            down = diagonal == -gaps or (
                diagonal != gaps and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
            )
            x = furthest.get(diagonal + 1, -1) if down else furthest.get(diagonal - 1, -1) + 1
            y = x - diagonal
            if x < 0 or x > len(a) or y < 0 or y > len(b):
                furthest.pop(diagonal, None)
                continue
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if (x + y, -abs(x - y)) > (best[0] + best[1], -abs(best[0] - best[1])):
                best = x, y, gaps
            if x == len(a) and y == len(b):
                return Alignment(_way_back(history, x, y, gaps), (x, y))
    x, y, gaps = best
    return Alignment(_way_back(history, x, y, gaps), (x, y))


def _way_back(history: list[dict[int, int]], x: int, y: int, gaps: int) -> list[tuple[int, int]]:
    """Return the pairs on the way to (x, y), which took so many gaps."""
    pairs: list[tuple[int, int]] = []
    for count in range(gaps, -1, -1):
        before = history[count]
        diagonal = x - y
        down = diagonal == -count or (diagonal != count and before.get(diagonal - 1, -1) < before.get(diagonal + 1, -1))
        start = before.get(diagonal + 1, -1) if down else before.get(diagonal - 1, -1) + 1
        while x > start:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = (x, y - 1) if down else (x - 1, y)
    return pairs[::-1]

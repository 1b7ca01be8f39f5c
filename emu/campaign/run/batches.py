# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign in batches of about a second's work each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

TARGET_SECONDS: Final = 1.0
"""What a batch is to take: handing one over and recording it cost some thousandths of that."""

FIRST_SIZE: Final = 64
LARGEST_SIZE: Final = 1 << 16
"""Bounds the memory of a batch all of whose experiments fail, a few hundred bytes each."""

_GROWTH: Final = 8
"""How much larger than the last one a batch is at most."""

_PER_WORKER: Final = 2
"""Batches that each worker has left at the end at least, so that all of them end at about the same time."""


class Batch(NamedTuple):
    """Neighbouring positions, and the plan's numbers of the experiments at them: a range, or an array."""

    positions: range
    numbers: Sequence[int]

    def split(self, parts: int) -> list[Batch]:
        """Return it in so many parts of about the same size, or in single experiments where it has fewer."""
        size = -(-len(self.positions) // parts)
        return [
            Batch(self.positions[at : at + size], self.numbers[at : at + size])
            for at in range(0, len(self.positions), size)
        ]


class Pace:
    """How many experiments a batch has, by how long the last ones took."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._seconds_each = 0.0
        self._limit = FIRST_SIZE

    def size(self, remaining: int) -> int:
        """Return the size of the next batch, where so many experiments are left."""
        size = min(self._limit, remaining)
        if self._workers > 1:
            size = min(size, max(FIRST_SIZE, remaining // (_PER_WORKER * self._workers)))
        return max(size, 1)

    def observe(self, count: int, seconds: float) -> None:
        """Learn from a batch of so many experiments that took so long."""
        if not count:
            return
        each = max(seconds, 1e-6) / count
        self._seconds_each = (self._seconds_each + each) / 2 if self._seconds_each else each
        wanted = min(round(TARGET_SECONDS / self._seconds_each), LARGEST_SIZE)
        self._limit = max(1, min(wanted, max(count, FIRST_SIZE) * _GROWTH))


def cut_batches(numbers: Sequence[int], missing: Iterable[range], pace: Pace) -> Iterator[Batch]:
    """Return the batches of ranges of positions, each as large as the pace has it when it is asked for.

    numbers  the plan's, by position; read only where a batch needs them
    """
    ranges = list(missing)
    remaining = sum(len(each) for each in ranges)
    for each in ranges:
        first = each.start
        while first < each.stop:
            end = min(first + pace.size(remaining), each.stop)
            remaining -= end - first
            positions = range(first, end)
            yield Batch(positions, _numbers_at(numbers, positions))
            first = end


def _numbers_at(numbers: Sequence[int], positions: range) -> Sequence[int]:
    if isinstance(numbers, range):
        return numbers[positions.start : positions.stop]
    return array("Q", (numbers[position] for position in positions))

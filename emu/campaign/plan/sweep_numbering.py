# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of a sweep's cases: mixed radix, with prefix sums where the number of faults depends on the rest.

Slowest first: profile, choice of faults, length, source offset, target offset, IRQL, fault.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import prod
from typing import Final, NamedTuple

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.fault_template import FaultChoice, FaultTemplate
from emu.campaign.plan.measure import Measured

MAXIMUM_CASES: Final = (1 << 63) - 1
"""What a store numbers, and Python's `len` returns."""


class Location(NamedTuple):
    """Where a number lies: an index into profiles and choices, values, and which of the cell's faults."""

    profile: int
    choice: int
    length: int
    source_offset: int
    target_offset: int
    irql: int
    cell: int
    """Its index into `Measured`, of a choice that is measured."""
    fault: int


class Numbering:
    """The numbers of all cases."""

    def __init__(
        self,
        profiles: int,
        choices: Sequence[FaultChoice],
        lengths: Axis,
        offsets: tuple[Axis, Axis, Axis],
        measured: Measured | None,
    ) -> None:
        self._measured = measured
        self._lengths = lengths
        self._sources, self._targets, self._irqls = (tuple(axis) for axis in offsets)
        self._inner = prod(map(len, offsets))
        self._cells = len(lengths) * self._inner
        """Clean runs of a profile."""
        by_length = {index: self._by_length(choice) for index, choice in enumerate(choices) if not choice.measured}
        self._blocks = [
            (
                profile,
                index,
                choice.measured,
                by_length[index] if index in by_length else self._by_cell(profile, choice),
            )
            for profile in range(profiles)
            for index, choice in enumerate(choices)
        ]
        self._starts = _prefix_sums(starts[-1] for *_, starts in self._blocks)
        self.total = self._starts[-1]

    def locate(self, number: int) -> Location:
        """Return where a number lies."""
        if not 0 <= number < self.total:
            raise ExperimentError(f"case {number} does not exist; the sweep has {self.total} of them, from 0")
        at = bisect_right(self._starts, number) - 1
        profile, choice, measured, starts = self._blocks[at]
        rest = number - self._starts[at]
        row = bisect_right(starts, rest) - 1
        rest -= starts[row]
        if measured:
            at, cell = row // self._inner, row
            inner, fault, cell = row % self._inner, rest, profile * self._cells + row
        else:
            at, cell = row, 0
            # Each length has its faults for each combination of the offsets.
            inner, fault = divmod(rest, (starts[row + 1] - starts[row]) // self._inner)
        inner, irql = divmod(inner, len(self._irqls))
        source, target = divmod(inner, len(self._targets))
        return Location(
            profile,
            choice,
            self._lengths[at],
            self._sources[source],
            self._targets[target],
            self._irqls[irql],
            cell,
            fault,
        )

    def blocks(self) -> Iterator[tuple[range, int, int]]:
        """Give the numbers that each profile and choice have, and their indices."""
        for first, end, (profile, choice, *_) in zip(self._starts, self._starts[1:], self._blocks, strict=False):
            yield range(first, end), profile, choice

    def count(self, template: FaultTemplate, length: int, cell: int) -> int:
        """Return how many faults a template has in a cell."""
        if template.quantity is None:
            return template.count(length)
        assert self._measured is not None
        return self._measured.pattern(template.quantity, cell).size if template.fits(length) else 0

    def _by_length(self, choice: FaultChoice) -> array[int]:
        return _prefix_sums(choice.count(length) * self._inner for length in self._lengths)

    def _by_cell(self, profile: int, choice: FaultChoice) -> array[int]:
        first = profile * self._cells
        lengths = chain.from_iterable([length] * self._inner for length in self._lengths)
        return _prefix_sums(
            prod(self.count(template, length, first + cell) for template in choice.templates)
            for cell, length in enumerate(lengths)
        )


def _prefix_sums(counts: Iterable[int]) -> array[int]:
    sums = array("Q", (0,))
    total = 0
    for count in counts:
        total += count
        if total > MAXIMUM_CASES:
            raise ExperimentError(f"the sweep has more than {MAXIMUM_CASES} cases; choose fewer values or faults")
        sums.append(total)
    return sums

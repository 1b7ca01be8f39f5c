# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sweep needs to know of clean runs: which accesses they make, how many instructions they execute."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol

from emu.campaign.case import CopyCase
from emu.campaign.experiment_error import ExperimentError
from emu.campaign.placement import SOURCE, TARGET

ACCESSES: Final = {SOURCE: "source-accesses", TARGET: "target-accesses"}
READS: Final = {SOURCE: "source-reads", TARGET: "target-reads"}
INSTRUCTIONS: Final = "instructions"
QUANTITIES: Final = (*ACCESSES.values(), *READS.values(), INSTRUCTIONS)

_MOST: Final = (1 << 32) - 1


class Access(NamedTuple):
    """An access to a buffer."""

    buffer: str
    """`src` or `dst`."""
    offset: int
    """The first byte of the buffer that it touches."""
    number: int
    """Which one it is of the accesses to that byte, counted from 1."""
    read_number: int = 0
    """Which one it is of the reads of that byte, counted from 1; 0 for a write."""


class Measure(Protocol):
    """What knows clean runs; both take a case without faults and give the same answer each time."""

    def accesses(self, case: CopyCase) -> Sequence[Access]:
        """Return the accesses to the buffers, in order."""

    def instructions(self, case: CopyCase) -> int:
        """Return how many instructions there are from the call, which a trace numbers 0, to the return."""


def select(accesses: Iterable[Access], quantity: str) -> list[Access]:
    """Return those that a quantity counts."""
    if quantity in READS.values():
        return [access for access in accesses if access.read_number and READS[access.buffer] == quantity]
    return [access for access in accesses if ACCESSES[access.buffer] == quantity]


class Counts:
    """How much of each quantity the clean run of each cell has; cells are numbered by the sweep."""

    def __init__(self, counts: Mapping[str, array[int]]) -> None:
        self._counts = counts

    @classmethod
    def measure(cls, measure: Measure, cases: Iterable[CopyCase], quantities: Sequence[str]) -> Counts:
        """Measure the clean run of each case."""
        counts = {quantity: array("I") for quantity in quantities}
        needs_accesses = any(quantity != INSTRUCTIONS for quantity in quantities)
        for case in cases:
            accesses = measure.accesses(case) if needs_accesses else ()
            for quantity, column in counts.items():
                if quantity == INSTRUCTIONS:
                    # A fault strikes between two instructions.
                    column.append(max(measure.instructions(case) - 1, 0))
                else:
                    column.append(len(select(accesses, quantity)))
        return cls(counts)

    def __getitem__(self, quantity: str) -> Sequence[int]:
        return self._counts[quantity]

    def to_json(self) -> dict[str, list[list[int]]]:
        """Return each quantity as runs of equal counts, (count, cells)."""
        return {
            quantity: [[count, sum(1 for _ in group)] for count, group in groupby(counts)]
            for quantity, counts in self._counts.items()
        }

    @classmethod
    def from_json(cls, data: Any, quantities: Sequence[str], cells: int) -> Counts:
        """Read what `to_json` gave. Raises `ExperimentError` for anything but these quantities of so many cells."""
        if not isinstance(data, dict) or set(data) != set(quantities):
            raise ExperimentError(f"measured: {', '.join(quantities) or 'nothing'} belongs here")
        return cls({quantity: array("I", _expand(quantity, data[quantity], cells)) for quantity in quantities})


def _expand(quantity: str, runs: Any, cells: int) -> Iterator[int]:
    if not isinstance(runs, list):
        raise ExperimentError(f"measured: {quantity}: a list of [count, cells] belongs here")
    left = cells
    for run in runs:
        if not (isinstance(run, list) and len(run) == 2 and all(type(number) is int for number in run)):
            raise ExperimentError(f"measured: {quantity}: {run!r}: [count, cells] belongs here")
        count, times = run
        if not (0 <= count <= _MOST and 1 <= times <= left):
            raise ExperimentError(f"measured: {quantity}: {run!r} does not fit {cells} cells")
        left -= times
        for _ in range(times):
            yield count
    if left:
        raise ExperimentError(f"measured: {quantity}: {left} of {cells} cells are missing")

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sweep needs to know of clean runs: which accesses they make, how many instructions they execute."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.plan.case import CopyCase

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
    """What knows clean runs; both take a case without faults."""

    def accesses(self, case: CopyCase) -> Sequence[Access]:
        """Return the accesses to the buffers, in order."""

    def instructions(self, case: CopyCase) -> int:
        """Return how many instructions there are from the call, which a trace numbers 0, to the return."""


class Stride(NamedTuple):
    """Accesses in a row, each as far behind the one before, all with the same number."""

    offset: int
    step: int
    size: int
    number: int


class Pattern(NamedTuple):
    """One quantity of a clean run: where the accesses are, or nothing but how many instructions there are."""

    size: int
    strides: tuple[Stride, ...] = ()

    def access(self, index: int) -> tuple[int, int]:
        """Return the first byte of an access, and which one it is of those to that byte."""
        for offset, step, size, number in self.strides:
            if index < size:
                return offset + index * step, number
            index -= size
        raise IndexError(f"there are {self.size} accesses")


class Measured:
    """The clean runs of a sweep; cells are its combinations without faults, in its order. Most of them are alike."""

    def __init__(self, patterns: Sequence[dict[str, Pattern]], cells: array[int]) -> None:
        self._patterns = patterns
        self._cells = cells

    @classmethod
    def measure(cls, measure: Measure, cases: Iterable[CopyCase], quantities: Sequence[str]) -> Measured:
        """Measure the clean run of each cell."""
        known: dict[tuple[Pattern, ...], int] = {}
        cells = array("I")
        for case in cases:
            pattern = tuple(_pattern(measure, case, quantity) for quantity in quantities)
            cells.append(known.setdefault(pattern, len(known)))
        return cls([dict(zip(quantities, pattern, strict=True)) for pattern in known], cells)

    def pattern(self, quantity: str, cell: int) -> Pattern:
        """Return what a cell has of a quantity."""
        return self._patterns[self._cells[cell]][quantity]

    def to_json(self) -> dict[str, Any]:
        """Return the patterns, and which one each cell has as [pattern, cells in a row]."""
        return {
            "patterns": [
                {
                    quantity: pattern.size if quantity == INSTRUCTIONS else [list(stride) for stride in pattern.strides]
                    for quantity, pattern in patterns.items()
                }
                for patterns in self._patterns
            ],
            "cells": [[index, sum(1 for _ in group)] for index, group in groupby(self._cells)],
        }

    @classmethod
    def from_json(cls, data: Any, quantities: Sequence[str], cells: int) -> Measured:
        """Read what `to_json` gave. Raises `ExperimentError` for anything but these quantities of so many cells."""
        if not isinstance(data, dict) or set(data) != {"patterns", "cells"}:
            raise ExperimentError("measured: 'patterns' and 'cells' belong here")
        if not isinstance(data["patterns"], list):
            raise ExperimentError("measured: patterns: a list belongs here")
        patterns = [_read_pattern(each, quantities) for each in data["patterns"]]
        return cls(patterns, array("I", _expand(data["cells"], len(patterns), cells)))


def _pattern(measure: Measure, case: CopyCase, quantity: str) -> Pattern:
    if quantity == INSTRUCTIONS:
        # A fault strikes between two of them.
        return Pattern(max(measure.instructions(case) - 1, 0))
    if quantity in READS.values():
        accesses = [
            (access.offset, access.read_number)
            for access in measure.accesses(case)
            if access.read_number and READS[access.buffer] == quantity
        ]
    else:
        accesses = [
            (access.offset, access.number)
            for access in measure.accesses(case)
            if ACCESSES[access.buffer] == quantity
        ]  # fmt: skip
    return Pattern(len(accesses), tuple(_strides(accesses)))


def _strides(accesses: Iterable[tuple[int, int]]) -> Iterator[Stride]:
    last: Stride | None = None
    for offset, number in accesses:
        if last is not None and last.number == number:
            step = offset - last.offset if last.size == 1 else last.step
            if offset == last.offset + last.size * step:
                last = Stride(last.offset, step, last.size + 1, number)
                continue
        if last is not None:
            yield last
        last = Stride(offset, 0, 1, number)
    if last is not None:
        yield last


def _read_pattern(data: Any, quantities: Sequence[str]) -> dict[str, Pattern]:
    if not isinstance(data, dict) or set(data) != set(quantities):
        raise ExperimentError(f"measured: patterns: {data!r:.60}: {', '.join(quantities)} belong here")
    patterns = {}
    for quantity, value in data.items():
        if quantity == INSTRUCTIONS:
            if not _are_counts([value]):
                raise ExperimentError(f"measured: {quantity}: {value!r:.60}: a count belongs here")
            patterns[quantity] = Pattern(value)
        else:
            if not isinstance(value, list):
                raise ExperimentError(f"measured: {quantity}: {value!r:.60}: a list belongs here")
            strides = tuple(_read_stride(quantity, each) for each in value)
            patterns[quantity] = Pattern(sum(stride.size for stride in strides), strides)
    return patterns


def _read_stride(quantity: str, data: Any) -> Stride:
    if isinstance(data, list) and len(data) == 4 and all(type(number) is int for number in data):
        offset, step, count, number = data
        last = offset + (count - 1) * step
        if count >= 1 and number >= 1 and _are_counts([offset, last, count, number]):
            return Stride(offset, step, count, number)
    raise ExperimentError(f"measured: {quantity}: {data!r:.60}: [offset, step, count, number] belongs here")


def _are_counts(values: Iterable[Any]) -> bool:
    return all(type(value) is int and 0 <= value <= _MOST for value in values)


def _expand(runs: Any, patterns: int, cells: int) -> Iterator[int]:
    if not isinstance(runs, list):
        raise ExperimentError("measured: cells: a list of [pattern, cells] belongs here")
    left = cells
    for run in runs:
        if not (isinstance(run, list) and len(run) == 2 and _are_counts(run)):
            raise ExperimentError(f"measured: cells: {run!r:.60}: [pattern, cells] belongs here")
        index, times = run
        if not (index < patterns and 1 <= times <= left):
            raise ExperimentError(f"measured: cells: {run!r} does not fit {patterns} patterns and {cells} cells")
        left -= times
        for _ in range(times):
            yield index
    if left:
        raise ExperimentError(f"measured: cells: {left} of {cells} are missing")

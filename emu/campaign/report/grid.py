# SPDX-License-Identifier: GPL-2.0-or-later
"""The cells of the maps: source offset × target offset × length × place of the fault, as numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

MOST_CELLS: Final = 1 << 23
"""Of all maps together; where there were more, neighbouring lengths and places share a cell."""
MOST_OFFSETS: Final = 16
LONGEST_SIDE: Final = 512
NOWHERE: Final = -1
"""The place of an experiment without a fault, and of a fault that has no place in a row."""

Numbers: TypeAlias = npt.NDArray[Any]


class Span(NamedTuple):
    """Neighbouring values that share a row or a column, both ends included."""

    first: int
    last: int


def spans(values: Iterable[int], most: int) -> tuple[Span, ...]:
    """Return spans over the distinct values, each of as many of them, and no more than `most` spans."""
    distinct = sorted(set(values))
    width = max(1, -(-len(distinct) // most))
    groups = (distinct[at : at + width] for at in range(0, len(distinct), width))
    return tuple(Span(group[0], group[-1]) for group in groups)


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes of the maps; a cell's number counts sources, then targets, lengths and, fastest, places."""

    sources: tuple[Span, ...]
    targets: tuple[Span, ...]
    lengths: tuple[Span, ...]
    places: tuple[Span, ...]
    nowhere: bool
    """Whether there is a first column for `NOWHERE`."""

    @classmethod
    def over(cls, sources: Numbers, targets: Numbers, lengths: Numbers, places: Numbers) -> Grid:
        """Return the axes that hold all of these values, in `MOST_CELLS` or fewer."""
        distinct = np.unique(places).tolist()
        nowhere = NOWHERE in distinct
        across = spans(np.unique(sources).tolist(), MOST_OFFSETS)
        down = spans(np.unique(targets).tolist(), MOST_OFFSETS)
        side = min(LONGEST_SIDE, math.isqrt(MOST_CELLS // max(1, len(across) * len(down))) - 1)
        return cls(
            across,
            down,
            spans(np.unique(lengths).tolist(), side),
            spans((place for place in distinct if place != NOWHERE), side),
            nowhere,
        )

    @property
    def columns(self) -> int:
        """How many columns a map has."""
        return len(self.places) + self.nowhere

    @property
    def cells_per_pair(self) -> int:
        """How many cells one map has."""
        return len(self.lengths) * self.columns

    @property
    def cells(self) -> int:
        """How many cells all maps have."""
        return len(self.sources) * len(self.targets) * self.cells_per_pair

    def cell(self, sources: Numbers, targets: Numbers, lengths: Numbers, places: Numbers) -> Numbers:
        """Return the number of the cell of each experiment; the values are those that the axes were made over."""
        cell = _index(self.sources, sources) * len(self.targets) + _index(self.targets, targets)
        cell = cell * len(self.lengths) + _index(self.lengths, lengths)
        column = np.where(places == NOWHERE, 0, _index(self.places, places) + self.nowhere)
        return cell * self.columns + column


def _index(axis: Sequence[Span], values: Numbers) -> Numbers:
    firsts = np.array([span.first for span in axis], np.int64)
    return np.searchsorted(firsts, values, side="right").astype(np.int64) - 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the IRQL was before each instruction of a call.

No registers are recorded for that: each run of the processor begins with a value that the log has, and within a run
only what the code writes to CR8 changes it.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from emu.checks.call.code_kind import CodeKind, cr8_source
from emu.checks.call.columns import Instructions, Numbers
from emu.checks.call.source import doubleword
from emu.cpu import registers as r
from emu.trace.run_log import Run
from emu.trace.source import Words

_IRQL_MASK: Final = 0xF
_FEW: Final = 8
"""Changes of a value that are gone through one by one."""


class Timeline:
    """The states of one call. `ends` has the index behind the last instruction of each of its runs."""

    def __init__(
        self,
        runs: Sequence[Run],
        ends: Sequence[int],
        instructions: Instructions,
        registers_before: Callable[[Numbers], Words],
    ) -> None:
        self._runs = runs
        self._begins = [0, *ends[:-1]] if ends else []
        self._instructions = instructions
        self._registers_before = registers_before

    @functools.cached_property
    def _written(self) -> tuple[Numbers, Numbers]:
        """The instructions that write CR8, and what."""
        at = self._instructions.of_kind(CodeKind.WRITES_CR8)
        if not len(at):
            return at, at
        rows = self._registers_before(at)
        sources = [cr8_source(self._instructions.encoding(index)) for index in at.tolist()]
        return at, (rows[np.arange(len(at)), sources] & np.uint64(_IRQL_MASK)).astype(np.int64)

    @functools.cached_property
    def _begun(self) -> list[int]:
        """The IRQL with which each run began."""
        return [doubleword(run.begin, r.IRQL) for run in self._runs]

    @property
    def highest_irql(self) -> int:
        """The highest IRQL that there was."""
        return max([*self._begun, *self._written[1].tolist()], default=0)

    def irql(self) -> Numbers:
        """Return the IRQL before each instruction."""
        return self._filled(self._begun, *self._written)

    @property
    def irql_at_end(self) -> int:
        """The IRQL behind the last run."""
        return doubleword(self._runs[-1].end, r.IRQL)

    def _filled(self, begun: list[int], at: Numbers, values: Numbers) -> Numbers:
        """Return a value for each instruction: that of its run's begin, or of the last change before it."""
        count = len(self._instructions)
        if len(begun) + len(at) <= _FEW:
            changed = [*zip((at + 1).tolist(), values.tolist(), strict=True)]
            return _filled_one_by_one(count, [*zip(self._begins, begun, strict=True)], changed)
        places = np.concatenate([np.array(self._begins, np.int64), at + 1])
        # Where a run begins behind an instruction that changes the value, what the log has counts.
        order = np.lexsort((np.concatenate([np.ones(len(begun)), np.zeros(len(at))]), places))
        sorted_places = np.append(places[order], count)
        sorted_values = np.concatenate([np.array(begun, np.int64), values.astype(np.int64)])[order]
        return np.repeat(sorted_values, np.maximum(np.diff(np.minimum(sorted_places, count)), 0))


def _filled_one_by_one(count: int, begun: list[tuple[int, int]], changed: list[tuple[int, int]]) -> Numbers:
    """Do the same without NumPy's fixed cost, which is all that a few changes would cost."""
    filled = np.zeros(count, np.int64)
    for place, value in sorted([*changed, *begun], key=operator.itemgetter(0)):
        filled[place:] = value
    return filled

# SPDX-License-Identifier: GPL-2.0-or-later
"""What AC, DF and the IRQL were before each instruction of a call.

No registers are recorded for that: each run of the processor begins with values that the log has, and within a run only
a few instructions change them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from emu.checks.call.code_kind import CodeKind, cr8_source
from emu.checks.call.columns import Accesses, Instructions, Mask, Numbers
from emu.checks.call.source import doubleword, quadword
from emu.cpu import registers as r
from emu.trace.run_log import Run
from emu.trace.source import Words

_IRQL_MASK: Final = 0xF


class Timeline:
    """The states of one call. `ends` has the index behind the last instruction of each of its runs."""

    def __init__(
        self,
        runs: Sequence[Run],
        ends: Sequence[int],
        instructions: Instructions,
        accesses: Accesses,
        registers_before: Callable[[Numbers], Words],
    ) -> None:
        self._runs = runs
        self._begins = [0, *ends[:-1]] if ends else []
        self._instructions = instructions
        self._accesses = accesses
        self._registers_before = registers_before

    def flag(self, flag: int, sets: CodeKind, clears: CodeKind) -> Mask:
        """Return whether a flag was set before each instruction."""
        code = self._instructions
        at_set, at_clear, at_load = map(code.of_kind, (sets, clears, CodeKind.LOADS_FLAGS))
        loaded = self._loaded_flags(at_load) & flag != 0
        begun = [quadword(run.begin, r.RFLAGS) & flag != 0 for run in self._runs]
        return self._filled(
            begun,
            np.concatenate([at_set, at_clear, at_load]),
            np.concatenate([np.ones(len(at_set), bool), np.zeros(len(at_clear), bool), loaded]),
        ).astype(bool)

    def irql(self) -> Numbers:
        """Return the IRQL before each instruction."""
        at = self._instructions.of_kind(CodeKind.WRITES_CR8)
        written = np.zeros(0, np.int64)
        if len(at):
            rows = self._registers_before(at)
            sources = [cr8_source(self._instructions.encoding(index)) for index in at.tolist()]
            written = (rows[np.arange(len(at)), sources] & np.uint64(_IRQL_MASK)).astype(np.int64)
        return self._filled([doubleword(run.begin, r.IRQL) for run in self._runs], at, written)

    @property
    def irql_at_end(self) -> int:
        """The IRQL behind the last run."""
        return doubleword(self._runs[-1].end, r.IRQL)

    def _loaded_flags(self, at: Numbers) -> Numbers:
        """Return what `popfq` and `iretq` loaded: the last of their reads but, for iretq, RSP and SS."""
        values = []
        for index in at.tolist():
            first = np.searchsorted(self._accesses.instruction, index)
            behind = np.searchsorted(self._accesses.instruction, index + 1)
            reads = [self._accesses.value(number) for number in range(first, behind)]
            values.append(reads[2] if len(reads) > 2 else reads[0] if reads else 0)
        return np.array(values, np.int64)

    def _filled(self, begun: list[bool] | list[int], at: Numbers, values: Numbers | Mask) -> Numbers:
        """Return a value for each instruction: that of its run's begin, or of the last change before it."""
        count = len(self._instructions)
        if not len(at) and len(set(begun)) == 1:
            return np.full(count, begun[0], np.int64)
        places = np.concatenate([np.array(self._begins, np.int64), at + 1])
        # Where a run begins behind an instruction that changes the value, what the log has counts.
        order = np.lexsort((np.concatenate([np.ones(len(begun)), np.zeros(len(at))]), places))
        sorted_places = np.append(places[order], count)
        sorted_values = np.concatenate([np.array(begun, np.int64), values.astype(np.int64)])[order]
        return np.repeat(sorted_values, np.maximum(np.diff(np.minimum(sorted_places, count)), 0))

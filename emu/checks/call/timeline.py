# SPDX-License-Identifier: GPL-2.0-or-later
"""What AC, DF and the IRQL were before each instruction of a call.

No registers are recorded for that: each run of the processor begins with values that the log has, and within a run only
a few instructions change them.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from emu.checks.call.code_kind import CodeKind, cr8_source
from emu.checks.call.columns import Accesses, Instructions, Mask, Numbers
from emu.checks.call.source import doubleword, quadword
from emu.cpu import registers as r
from emu.trace.run_log import Run
from emu.trace.source import Words

_IRQL_MASK: Final = 0xF
_LOADS: Final = int(CodeKind.LOADS_FLAGS)
_CHANGING_FLAGS: Final = CodeKind.STAC | CodeKind.CLAC | CodeKind.STD | CodeKind.CLD | CodeKind.LOADS_FLAGS
_FEW: Final = 8
"""Changes of a value that are gone through one by one."""


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
        begun = [quadword(run.begin, r.RFLAGS) & flag != 0 for run in self._runs]
        at, kinds, loaded = self._flag_changes
        by_set, by_clear = int(sets), int(clears)
        if len(begun) + len(at) <= _FEW:
            changed = [
                (place + 1, value & flag != 0 if kind & _LOADS else kind & by_set != 0)
                for place, kind, value in zip(at.tolist(), kinds.tolist(), loaded.tolist(), strict=True)
                if kind & (by_set | by_clear | _LOADS)
            ]
            return _filled_one_by_one(len(self._instructions), [*zip(self._begins, begun, strict=True)], changed, bool)
        mine = kinds & (by_set | by_clear | _LOADS) != 0
        values = np.where(kinds & _LOADS, loaded & flag, kinds & by_set) != 0
        return self._filled(begun, at[mine], values[mine]).astype(bool)

    @functools.cached_property
    def _flag_changes(self) -> tuple[Numbers, Numbers, Numbers]:
        """The instructions that change a flag: index, `CodeKind`, and the RFLAGS that each loaded, 0 for none."""
        at = self._instructions.of_kind(_CHANGING_FLAGS)
        kinds = self._instructions.kinds[at]
        loaded = np.zeros(len(at), np.int64)
        if self._instructions.has_kind(CodeKind.LOADS_FLAGS):
            loads = (kinds & _LOADS).nonzero()[0]
            loaded[loads] = self._loaded_flags(at[loads])
        return at, kinds, loaded

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
        """Return what `popfq` and `iretq` loaded."""
        low = self._accesses.table["low"]
        firsts = self._accesses.instruction.searchsorted(at).tolist()
        behind = self._accesses.instruction.searchsorted(at + 1).tolist()
        values = []
        for first, last in zip(firsts, behind, strict=True):
            is_return = last - first > 2  # iretq pops RIP and CS before them, RSP and SS behind them
            values.append(int(low[first + 2]) if is_return else int(low[first]) if last > first else 0)
        return np.array(values, np.uint64).astype(np.int64)

    def _filled(self, begun: list[bool] | list[int], at: Numbers, values: Numbers | Mask) -> Numbers:
        """Return a value for each instruction: that of its run's begin, or of the last change before it."""
        count = len(self._instructions)
        if len(begun) + len(at) <= _FEW:
            changed = [*zip((at + 1).tolist(), values.tolist(), strict=True)]
            return _filled_one_by_one(count, [*zip(self._begins, begun, strict=True)], changed, np.int64)
        places = np.concatenate([np.array(self._begins, np.int64), at + 1])
        # Where a run begins behind an instruction that changes the value, what the log has counts.
        order = np.lexsort((np.concatenate([np.ones(len(begun)), np.zeros(len(at))]), places))
        sorted_places = np.append(places[order], count)
        sorted_values = np.concatenate([np.array(begun, np.int64), values.astype(np.int64)])[order]
        return np.repeat(sorted_values, np.maximum(np.diff(np.minimum(sorted_places, count)), 0))


def _filled_one_by_one(
    count: int, begun: list[tuple[int, int]], changed: list[tuple[int, int]], dtype: type
) -> np.ndarray[Any, Any]:
    """Do the same without NumPy's fixed cost, which is all that a few changes would cost."""
    filled: np.ndarray[Any, Any] = np.zeros(count, dtype)
    for place, value in sorted([*changed, *begun], key=operator.itemgetter(0)):
        filled[place:] = value
    return filled

# SPDX-License-Identifier: GPL-2.0-or-later
"""A flag of RFLAGS over a call: who changed it, and what it was as activations began and returned."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import Mask, Numbers
from emu.checks.call.tree import Activation


class FlagChanges:
    """AC or DF, which functions leave as they found them."""

    def __init__(self, call: CheckedCall, flag: Mask, kinds: CodeKind) -> None:
        """`flag` has its value before each instruction, `kinds` are those of the instructions that change it."""
        self._call = call
        self.flag = flag
        changes = (flag[1:] != flag[:-1]).nonzero()[0]
        self.changes: Numbers = changes[call.instructions.kinds[changes] & int(kinds) != 0]
        """The instructions that changed it; not where the host did, as it takes a trap."""
        self._activations = call.tree.activations

    @functools.cached_property
    def at_begin(self) -> Mask:
        """What it was as each activation began; the last one is for what belongs to none."""
        begins = [min(each.begin, len(self.flag) - 1) for each in self._activations]
        return np.append(self.flag[begins], False)

    def changed_last(self, before: int) -> int | None:
        """Return the last instruction before another one that changed it."""
        at = int(self.changes.searchsorted(before)) - 1
        return int(self.changes[at]) if at >= 0 else None

    def returned_changed(self) -> Iterator[tuple[Activation, int]]:
        """Give the activations that returned with another value because of an instruction of their own, and that."""
        call = self._call
        returned = call.frames.returned.nonzero()[0]
        lasts = np.array([self._activations[number].end - 1 for number in returned.tolist()], np.int64)
        differs = self.flag[lasts] != self.at_begin[returned]
        for number, last in zip(returned[differs].tolist(), lasts[differs].tolist(), strict=True):
            change = self.changed_last(last)
            if self.flag[last] and int(call.tree.owner[last]) != number:
                continue  # it jumped while it was set
            if change is not None and int(call.tree.owner[change]) == number:
                yield self._activations[number], change

    def calls_while_set(self) -> Numbers:
        """Return the first call at each place that was made while it was set, by what had found it clear."""
        call = self._call
        calls = call.instructions.of_kind(CodeKind.CALL)
        calls = calls[self.flag[calls]]
        if not len(calls):
            return calls
        calls = calls[~self.at_begin[call.tree.owner[calls]]]
        _, firsts = np.unique(call.instructions.rip[calls], return_index=True)
        return np.sort(calls[firsts])

    def jumps_while_set(self) -> Iterator[Activation]:
        """Give what was jumped to while it was set, by what had found it clear."""
        for each in self._activations:
            before = each.parent if each.by_jump else None
            if before is not None and self.at_begin[each.number] and not self.at_begin[before.number]:
                yield each

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which activations may have returned with another value in a nonvolatile register.

Most need not be looked at: nothing happened to the register, or the first thing was that it was saved and the last that
it was loaded with that very value. That is in the accesses, without the registers' values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emu.checks.call.columns import Accesses, Instructions, Mask, Numbers
from emu.checks.call.data_flow import VECTORS
from emu.checks.call.register_moves import LOADS_MXCSR, NONVOLATILE, NUMBER, RESTORES, SAVES, packed_move


class Preservation:
    """Looks for the activations, `begins` and `ends` being what instructions each consists of."""

    def __init__(self, instructions: Instructions, accesses: Accesses, begins: Numbers, ends: Numbers) -> None:
        self._accesses = accesses
        self._begins = begins
        self._ends = ends
        at = instructions.ends_of_repetitions
        moves = instructions.values(packed_move)[instructions.code[at]]
        moving = (moves != 0) & ~instructions.trapped[at]
        self._at = at[moving]
        self._moves = moves[moving]
        self._changed = int(np.bitwise_or.reduce(self._moves, initial=0))

    def _changes(self, number: int) -> Numbers:
        """Return the instructions that changed a register."""
        if not self._changed >> number & 1:
            return np.zeros(0, np.int64)
        found: Numbers = self._at[self._moves >> number & 1 != 0]
        return found

    def suspects(self, unwound: Mask) -> Iterator[tuple[str, int, Numbers]]:
        """Give name and number of each register that may have been changed, and the activations that may have.

        unwound  the activations in which the host set registers, as it unwound
        """
        for name, number in NONVOLATILE.items():
            if not self._changed >> number & 1:
                if number < VECTORS and unwound.any():
                    yield name, number, unwound.nonzero()[0]
                continue
            changes = self._changes(number)
            first, behind = changes.searchsorted(self._begins), changes.searchsorted(self._ends)
            changed = behind > first
            by_host = unwound & changed if number >= VECTORS else unwound
            which = changed.nonzero()[0]
            if len(which):
                kept = self._is_put_back(number, changes[first[which]], changes[behind[which] - 1], which)
                changed[which[kept]] = False
            found = (changed | by_host).nonzero()[0]
            if len(found):
                yield name, number, found

    def _is_put_back(self, number: int, first: Numbers, last: Numbers, which: Numbers) -> Mask:
        """Tell where the first change came behind a save, and the last one was a load of the same value."""
        saves = self._at[self._moves >> SAVES & NUMBER == number + 1]
        if not len(saves):
            return np.zeros(len(which), bool)
        at = saves.searchsorted(self._begins[which])
        save = saves[np.minimum(at, len(saves) - 1)]
        is_restored = self._moves[self._at.searchsorted(last)] >> RESTORES & NUMBER == number + 1
        kept: Mask = (at < len(saves)) & (save < first) & is_restored
        one, other = self._accesses.instruction.searchsorted(save), self._accesses.instruction.searchsorted(last)
        for half in ("low", "high"):
            value = self._accesses.table[half]
            kept &= value[one] == value[np.minimum(other, len(value) - 1)]
        return kept

    @property
    def mxcsr_loads(self) -> tuple[Numbers, Numbers]:
        """The instructions that load MXCSR, and what each loads."""
        at = self._at[self._moves & LOADS_MXCSR != 0] if self._changed & LOADS_MXCSR else self._at[:0]
        rows = self._accesses.instruction.searchsorted(at)
        return at, self._accesses.table["low"][rows].astype(np.int64)

    def changed_last(self, number: int, before: int) -> int | None:
        """Return the last instruction before another one that changed a register."""
        changes = self._changes(number)
        at = int(changes.searchsorted(before)) - 1
        return int(changes[at]) if at >= 0 else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which activations may have returned with another value in a nonvolatile register.

Most need not be looked at: nothing happened to the register, or the first thing was that it was saved and the last that
it was loaded with that very value. That is in the accesses, without the registers' values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from emu.checks.call.columns import Accesses, Instructions, Mask, Numbers
from emu.checks.call.data_flow import VECTORS
from emu.checks.call.register_moves import NONVOLATILE, RegisterMove, register_move


class Preservation:
    """Looks for the activations, `begins` and `ends` being what instructions each consists of."""

    def __init__(self, instructions: Instructions, accesses: Accesses, begins: Numbers, ends: Numbers) -> None:
        self._instructions = instructions
        self._accesses = accesses
        self._begins = begins
        self._ends = ends
        self._codes, self._at = np.unique(instructions.code, return_inverse=True)
        firsts = np.zeros(len(self._codes), np.int64)
        firsts[self._at[::-1]] = np.arange(len(self._at))[::-1]
        self._moves: Sequence[RegisterMove] = [register_move(instructions.encoding(at)) for at in firsts.tolist()]

    def _of(self, holds: Callable[[RegisterMove], bool]) -> Numbers:
        """Return the instructions of which something holds, and that retired."""
        of_code = np.array([holds(move) for move in self._moves], bool)
        if not of_code.any():
            return np.zeros(0, np.int64)
        return np.flatnonzero(of_code[self._at] & ~self._instructions.trapped)

    def suspects(self, unwound: Mask) -> Iterator[tuple[str, int, Numbers]]:
        """Give name and number of each register that may have been changed, and the activations that may have.

        unwound  the activations in which the host set registers, as it unwound
        """
        for name, number in NONVOLATILE.items():
            changes = self._of(lambda move, number=number: number in move.changes)  # type: ignore[misc]
            first = np.searchsorted(changes, self._begins)
            behind = np.searchsorted(changes, self._ends)
            changed = behind > first
            by_host = unwound & changed if number >= VECTORS else unwound
            which = np.flatnonzero(changed)
            if len(which):
                kept = self._is_put_back(number, changes[first[which]], changes[behind[which] - 1], which)
                changed[which[kept]] = False
            found = np.flatnonzero(changed | by_host)
            if len(found):
                yield name, number, found

    def _is_put_back(self, number: int, first: Numbers, last: Numbers, which: Numbers) -> Mask:
        """Tell where the first change came behind a save, and the last one was a load of the same value."""
        saves = self._of(lambda move: move.saves == number)
        restores = self._of(lambda move: move.restores == number)
        save = np.searchsorted(saves, self._begins[which])
        is_saved = save < len(saves)
        save = saves[np.minimum(save, len(saves) - 1)] if len(saves) else np.zeros(len(which), np.int64)
        is_saved &= save < first
        is_restored = np.isin(last, restores)
        both = is_saved & is_restored
        kept = np.zeros(len(which), bool)
        kept[both] = self._moved(save[both]) == self._moved(last[both])
        return kept

    def _moved(self, at: Numbers) -> np.ndarray[Any, Any]:
        """Return what the first access of each instruction moved."""
        rows = np.searchsorted(self._accesses.instruction, at)
        values: np.ndarray[Any, Any] = self._accesses.table[["low", "high", "size"]][rows]
        return values

    @property
    def mxcsr_loads(self) -> tuple[Numbers, Numbers]:
        """The instructions that load MXCSR, and what each loads."""
        at = self._of(lambda move: move.loads_mxcsr)
        rows = np.searchsorted(self._accesses.instruction, at)
        return at, self._accesses.table["low"][rows].astype(np.int64)

    def changed_last(self, number: int, before: int) -> int | None:
        """Return the last instruction before another one that changed a register."""
        changes = self._of(lambda move: number in move.changes)
        at = int(np.searchsorted(changes, before)) - 1
        return int(changes[at]) if at >= 0 else None

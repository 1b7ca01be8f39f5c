# SPDX-License-Identifier: GPL-2.0-or-later
"""Which activations may have returned with another value in a nonvolatile register: native/preservation.c finds them.

It looks at accesses alone, without the registers' values.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from emu.checks.call.columns import Accesses, Instructions, Numbers
from emu.checks.call.data_flow import REGISTERS
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.register_moves import LOADS_MXCSR, NONVOLATILE, packed_move
from emu.cpu.array_address import array_address

_PRESERVING: Final = np.dtype(
    [("suspects", "u4"), ("changed", "u4"), ("saved", "u4"), ("unused", "u4"), ("saved_by", "u8", REGISTERS)]
)
"""native/preservation.c, struct preserving."""
_ROW: Final = _PRESERVING.itemsize


class Preservation:
    """What is to be compared in the activations of a call."""

    def __init__(self, instructions: Instructions, tables: NativeTables, count: int, landings: Sequence[int]) -> None:
        """Find it.

        count     how many activations the tables have
        landings  of each landing of an unwind how many instructions came before it, in ascending order
        """
        self._instructions = instructions
        self._moves = instructions.values(packed_move)
        self._rows = bytearray((count or 1) * _ROW)
        landed = np.array(landings, np.int64) if landings else None
        self._found: int = load_passes().checks_register_suspects(
            tables.pointer,
            array_address(self._moves),
            None if landed is None else array_address(landed),
            len(landings),
            ctypes.byref(ctypes.c_char.from_buffer(self._rows)),
        )

    @property
    def is_plain(self) -> bool:
        """Whether there are no suspects, and MXCSR is not loaded."""
        return not self._found

    @property
    def loads_mxcsr(self) -> bool:
        """Whether an instruction does."""
        return bool(self._found & LOADS_MXCSR)

    def suspects(self) -> Iterator[tuple[str, int, Numbers]]:
        """Give name and number of each register that may have been changed, and the activations that may have."""
        rows = np.frombuffer(self._rows, _PRESERVING)
        for name, number in NONVOLATILE.items():
            if self._found >> number & 1:
                yield name, number, (rows["suspects"] >> number & 1).nonzero()[0]

    def mxcsr_loads(self, accesses: Accesses) -> tuple[Numbers, Numbers]:
        """Return the instructions that load MXCSR, and what each loads."""
        at = self._that(LOADS_MXCSR)
        return at, accesses.table["low"][accesses.instruction.searchsorted(at)].astype(np.int64)

    def changed_last(self, number: int, before: int) -> int | None:
        """Return the last instruction before another one that changed a register."""
        changes = self._that(1 << number)
        at = int(changes.searchsorted(before)) - 1
        return int(changes[at]) if at >= 0 else None

    def _that(self, bit: int) -> Numbers:
        """Return the instructions that did what a bit of `packed_move` says."""
        found: Numbers = ((self._moves & bit != 0)[self._instructions.code] & ~self._instructions.trapped).nonzero()[0]
        return found

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which activations may have returned with another value in a nonvolatile register: native/preservation.c finds them.

It looks at accesses alone, without the registers' values.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from emu.checks.call.columns import Accesses, Instructions, Numbers
from emu.checks.call.data_flow import REGISTERS
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.register_moves import LOADS_MXCSR, NONVOLATILE, packed_move
from emu.cpu.array_address import array_address
from emu.trace.run_log import Run
from emu.trace.source import Table

_PRESERVING: Final = np.dtype(
    [("suspects", "u4"), ("changed", "u4"), ("saved", "u4"), ("unused", "u4"), ("saved_by", "u8", REGISTERS)]
)
"""native/preservation.c, struct preserving."""
_GENERAL: Final = 16 * 8
"""Bytes of the general registers, with which a state block begins."""
_RUN: Final = np.dtype([("begin", "i8"), ("general_at_begin", "u8", 16), ("general_at_end", "u8", 16)])
"""native/preservation.c, struct run."""
_ROW: Final = _PRESERVING.itemsize


class Landings(NamedTuple):
    """Where unwinds ended: the host sets registers there."""

    places: Sequence[int]
    """Of each how many instructions came before it, in ascending order."""
    runs: Sequence[Run]
    """The runs of the processor."""
    run_ends: Sequence[int]
    """Of each run the index behind its last instruction."""

    def tables(self) -> tuple[Numbers, Table]:
        """Return the places and the runs as the native core takes them."""
        begins = [0, *self.run_ends[:-1]]
        rows = [
            begin.to_bytes(8, "little") + run.begin[:_GENERAL] + run.end[:_GENERAL]
            for begin, run in zip(begins, self.runs, strict=True)
        ]
        return np.array(self.places, np.int64), np.frombuffer(b"".join(rows), _RUN)


class Preservation:
    """What is to be compared in the activations of a call."""

    def __init__(
        self, instructions: Instructions, tables: NativeTables, count: int, landings: Landings | None = None
    ) -> None:
        """Find it; `count` is how many activations the tables have."""
        self._instructions = instructions
        self._moves = instructions.values(packed_move)
        self._rows = bytearray((count or 1) * _ROW)
        landed, runs = (None, None) if landings is None else landings.tables()
        self._found: int = load_passes().checks_register_suspects(
            tables.pointer,
            array_address(self._moves),
            *(None, 0) if landed is None else (array_address(landed), len(landed)),
            *(None, 0) if runs is None else (array_address(runs), len(runs)),
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

# SPDX-License-Identifier: GPL-2.0-or-later
"""A processor with a recorder, for tests of what is recorded."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from emu.cpu import registers as r
from emu.cpu.recorder import NEVER, Filter, LongBlockLog, LongBlocks, Recorder
from emu.cpu.trap import Trap, Vector
from emu.memory import page_table as pt
from emu.trace.layout import ACCESS, INSTRUCTION
from tests.cpu.guest import CODE, DATA, Guest

EVERYTHING = Filter()
NO_BLOCKS = LongBlocks()


class Access(NamedTuple):
    kind: str
    address: int
    size: int
    value: int
    flags: int


class Instruction(NamedTuple):
    rip: int
    flags: int
    accesses: tuple[Access, ...]


class RecordedGuest(Guest):
    """A guest that records, into tables with room for so many instructions, again and again."""

    def __init__(
        self,
        filtered: Filter = EVERYTHING,
        *,
        room: int = 1000,
        access_room: int = 4000,
        blocks: LongBlocks = NO_BLOCKS,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.recorder = Recorder(self.cpu)
        self.recorder.begin(filtered, blocks)
        self.instructions = np.zeros(room, INSTRUCTION)
        self.accesses = np.zeros(access_room, ACCESS)
        self.registers = np.zeros((room, r.RFLAGS + 1), np.uint64)
        self.row_instructions = np.zeros(room, np.uint64)
        self.recorder.set_tables(
            *(self.instructions.ctypes.data, room, self.accesses.ctypes.data, access_room),
            *(self.registers.ctypes.data, self.row_instructions.ctypes.data),
        )
        self.recorded: list[Instruction] = []
        self.rows: list[list[int]] = []
        """Registers before each."""
        self.chosen = False
        """Rows are written for some instructions alone."""
        self.rows_of: list[int] = []
        """Of each row the index of its instruction."""
        self.codes: list[int] = []
        self.positions: list[int] = []

    def take(self) -> None:
        """Take away what the tables hold."""
        recorder = self.recorder
        count, access_count = recorder.counts
        begin = recorder.first_access
        for number in range(count):
            row = self.instructions[number]
            first = int(row["first_access"]) - begin
            accesses = self.accesses[first : first + int(row["accesses"])]
            assert (accesses["instruction"] == recorder.first + number).all()
            self.recorded.append(
                Instruction(
                    int(row["rip"]),
                    int(row["flags"]),
                    tuple(
                        Access(
                            "rw"[each["kind"]],
                            int(each["address"]),
                            int(each["size"]),
                            int(each["low"]) | int(each["high"]) << 64,
                            int(each["flags"]),
                        )
                        for each in accesses
                    ),
                )
            )
            self.codes.append(int(row["code"]))
            self.positions.append(int(row["position"]))
        last = self.instructions[count - 1]
        assert not count or int(last["first_access"]) - begin + int(last["accesses"]) == access_count
        rows = recorder.row_count
        if not self.chosen:
            assert self.row_instructions[:rows].tolist() == list(range(recorder.first, recorder.first + count))
        self.rows += self.registers[:rows].tolist()
        self.rows_of += self.row_instructions[:rows].tolist()
        recorder.take()

    def record(self, trap: Trap, *, exact_stops: bool = True) -> Trap:
        """Go on from a trap, through all stops of the recorder's and exact ones, to the trap behind them."""
        passed = (Vector.RECORDER_STOP, Vector.EXACT_STOP) if exact_stops else (Vector.RECORDER_STOP,)
        while trap.vector in passed:
            if trap.vector == Vector.RECORDER_STOP:
                assert self.recorder.stop_position == NEVER
                self.take()
            trap = self.cpu.run()
        self.take()
        return trap

    def __call__(self, code: str, **options: int) -> Trap:
        """Load hexadecimal code, run it to a trap, and take all that was recorded."""
        return self.record(self.run(code, **options))

    @property
    def places(self) -> list[int]:
        """Where each instruction lies in the code."""
        return [instruction.rip - CODE for instruction in self.recorded]


def facts(guest: Guest, trap: Trap) -> tuple[object, ...]:
    """Return all that a run leaves, arithmetic flags of a fault apart: those the recorder has (`last_flags`)."""
    cpu = guest.cpu
    flags = cpu.registers[r.RFLAGS] & ~r.FLAGS_ARITHMETIC
    counts = tuple(cpu.registers[index] for index in (r.BUDGET, r.BLOCKS, r.TIMESTAMP_READS))
    memory = guest.memory.read(DATA, 0x2000)
    return trap, tuple(cpu.registers[:17]), flags, counts, bytes(cpu.xmm), cpu.mxcsr, memory


def both(code: str, *, room: int = 1000, writable: bool = False, **options: int) -> RecordedGuest:
    """Run code with and without a recorder, and compare all that the two leave."""
    plain = Guest()
    log = LongBlockLog(plain.cpu)
    if writable:
        plain.memory.set_entry(CODE, plain.memory.entry(CODE) | pt.WRITABLE)
    expected = facts(plain, plain.run(code, **options))
    recorded = RecordedGuest(room=room, blocks=log.finish())
    if writable:
        recorded.memory.set_entry(CODE, recorded.memory.entry(CODE) | pt.WRITABLE)
    assert facts(recorded, recorded(code, **options)) == expected
    return recorded

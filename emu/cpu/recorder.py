# SPDX-License-Identifier: GPL-2.0-or-later
"""The recorder: every instruction and every memory access of a processor, into tables of ours, natively."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Collection, Sequence
from struct import Struct
from typing import Final, NamedTuple

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.engine import EngineError
from emu.cpu.native_core import Recording, load_native_core
from emu.cpu.processor import Processor

INSTRUCTION_SIZE: Final = 32
ACCESS_SIZE: Final = 40
REGISTER_ROW_SIZE: Final = 18 * 8
"""Bytes of a row of each table (native/recorder.h)."""

_CODE: Final = Struct("<Q16sB7x")  # and of the code: its address, its bytes, how many

_LONG_BLOCK_SIZE: Final = 16
_LONG_BLOCK_CHANGE_SIZE: Final = 32
"""The same of native/core.h."""

CODE_TABLES_KEPT: Final = 64
"""Of so many traces what is made of their code is kept, as the next one often runs the same."""
_CODE_KEPT: Final = 2048 * _CODE.size
"""Bytes of the rows of code up to which that is so."""

NEVER: Final = 0xFFFF_FFFF_FFFF_FFFF


class LongBlocks(NamedTuple):
    """Where a processor's long blocks end (native/long_blocks.c): tables of the native core."""

    table: bytes = b""
    """As it was at first."""
    changes: bytes = b""
    """What has changed in it, run by run."""


class Filter(NamedTuple):
    """What is recorded. What is not counts as executed all the same."""

    ranges: tuple[tuple[Gva, Gva], ...] = ()
    """Instructions in these ranges of code (first address, address behind the last) alone; none: everywhere."""
    begin_at: Gva | None = None
    """From the execution of this instruction on."""
    end_before: Gva | None = None
    """Until the execution of this instruction; `begin_at` begins again."""
    user_only: bool = False
    """Accesses to user pages alone; instructions all the same."""


class Places:
    """Addresses of instructions, as the recorder looks them up."""

    def __init__(self, addresses: Collection[int]) -> None:
        self.addresses = frozenset(addresses)
        self.table = (ctypes.c_uint64 * max(len(self.addresses), 1))(*sorted(self.addresses))


class Recorder:
    """Records what a processor runs from now on.

    The tables are memory of the caller's, given by `set_tables`; a run ends with `Vector.RECORDER_STOP` before an
    instruction for which there is no room, and before that of `stop_position`.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._library = load_native_core()
        self._recording = Recording(stop_position=NEVER)
        if not self._library.core_record(processor.native, ctypes.byref(self._recording)):
            raise EngineError("the engine refused a hook of the recorder")

    def begin(self, filtered: Filter, blocks: LongBlocks) -> None:
        """Begin a trace: instruction 0 comes next. `blocks` are those of the processor that is run again."""
        self._library.core_forget_code(self._processor.native)
        self._library.core_set_long_blocks(
            self._processor.native,
            blocks.table,
            len(blocks.table) // _LONG_BLOCK_SIZE,
            blocks.changes,
            len(blocks.changes) // _LONG_BLOCK_CHANGE_SIZE,
        )
        pairs = [number for pair in filtered.ranges for number in pair]
        self._ranges = (ctypes.c_uint64 * max(len(pairs), 1))(*pairs)
        recording = self._recording
        recording.instruction_count = recording.access_count = recording.row_count = 0
        recording.first_instruction = recording.first_access = recording.position = 0
        recording.stop_position = NEVER
        recording.ranges = ctypes.addressof(self._ranges)
        recording.range_count = len(filtered.ranges)
        recording.begin_at = filtered.begin_at or 0
        recording.end_before = filtered.end_before or 0
        recording.user_only = filtered.user_only
        recording.filtered = bool(filtered.ranges or filtered.begin_at or filtered.end_before)
        recording.active = filtered.begin_at is None
        recording.chosen_count = 0

    def choose_registers(self, places: Places) -> None:
        """Have the rows of registers written for instructions at some places alone. To be called before the first."""
        self._chosen = places.table
        self._recording.chosen = ctypes.addressof(places.table)
        self._recording.chosen_count = len(places.addresses)

    def set_tables(
        self,
        instructions: int,
        instruction_room: int,
        accesses: int,
        access_room: int,
        registers: int = 0,
        row_instructions: int = 0,
    ) -> None:
        """Give the tables by their addresses, with room for so many rows.

        `registers` and `row_instructions`, the number of the instruction of each row, have as many as `instructions`.

        What was in the last ones must have been taken away with `take`, or lie in these, too.
        """
        recording = self._recording
        recording.instructions, recording.instruction_room = instructions, instruction_room
        recording.accesses, recording.access_room = accesses, access_room
        recording.registers, recording.row_instructions = registers, row_instructions

    def check(self) -> None:
        """Raise MemoryError where the recorder could not go on for want of memory."""
        if self._recording.failed:
            raise MemoryError("no memory for the table of the code that was recorded")

    @property
    def counts(self) -> tuple[int, int]:
        """How many instructions and accesses lie in the tables."""
        return self._recording.instruction_count, self._recording.access_count

    @property
    def row_count(self) -> int:
        """How many rows of registers have been written."""
        return int(self._recording.row_count)

    @property
    def first(self) -> int:
        """Index in the trace of the instruction that the tables begin with."""
        return int(self._recording.first_instruction)

    @property
    def first_access(self) -> int:
        """And of the access."""
        return int(self._recording.first_access)

    @property
    def position(self) -> int:
        """How many instructions have been executed."""
        return int(self._recording.position)

    @property
    def last_flags(self) -> int:
        """The arithmetic flags of where the run has ended, if the engine gives others.

        It computes them for the recorder's hook before an instruction, and where that traps it forgets that it did,
        and computes them once more, of the result.
        """
        return int(self._recording.last_flags) & r.FLAGS_ARITHMETIC

    @property
    def stop_position(self) -> int:
        """Before which instruction to stop, `NEVER` for none."""
        return int(self._recording.stop_position)

    @stop_position.setter
    def stop_position(self, position: int) -> None:
        self._recording.stop_position = position

    def end_at(self, rip: Gva, blocks: int) -> None:
        """Stop before the instruction at an address once so many blocks have started; at 0 nowhere."""
        self._recording.end_rip, self._recording.end_blocks = rip, blocks

    def take(self) -> None:
        """Empty the tables: the caller has what was in them."""
        recording = self._recording
        recording.first_instruction += recording.instruction_count
        recording.first_access += recording.access_count
        recording.instruction_count = recording.access_count = recording.row_count = 0

    @property
    def code_rows(self) -> bytes:
        """The code that has been recorded, as the native core has it (native/recorder.h); `decode_code` reads it."""
        table = ctypes.c_void_p()
        count = self._library.core_recorded_code(self._processor.native, ctypes.byref(table))
        return ctypes.string_at(table.value, count * _CODE.size) if table.value is not None else b""

    @property
    def code(self) -> Sequence[tuple[Gva, bytes]]:
        """The code that has been recorded, by its number: address and bytes."""
        return decode_code(self.code_rows)


def decode_code(rows: bytes) -> Sequence[tuple[Gva, bytes]]:
    """Return address and bytes of each code in `Recorder.code_rows`: the same object for the same rows, as a rule."""
    return _decoded(rows) if is_kept(rows) else _decoded.__wrapped__(rows)


def is_kept(rows: bytes) -> bool:
    """Tell whether what is made of some rows of code is to be kept for the next trace that has the same."""
    return len(rows) <= _CODE_KEPT


@functools.lru_cache(maxsize=CODE_TABLES_KEPT)
def _decoded(rows: bytes) -> tuple[tuple[Gva, bytes], ...]:
    return tuple((Gva(rip), code[:size]) for rip, code, size in _CODE.iter_unpack(rows))


class LongBlockLog:
    """Notes from now on where a processor's long blocks end, and what changes there."""

    def __init__(self, processor: Processor) -> None:
        self._native = processor.native
        self._library = load_native_core()
        count = self._library.core_long_blocks(self._native, None, 0)
        table = ctypes.create_string_buffer(count * _LONG_BLOCK_SIZE)
        self._library.core_long_blocks(self._native, table, count)
        self._table = table.raw
        self._library.core_note_long_blocks(self._native, 1)

    def so_far(self) -> LongBlocks:
        """Return what has been noted."""
        changes = ctypes.c_void_p()
        count = self._library.core_long_block_changes(self._native, ctypes.byref(changes))
        copy = ctypes.string_at(changes.value, count * _LONG_BLOCK_CHANGE_SIZE) if changes.value is not None else b""
        return LongBlocks(self._table, copy)

    def finish(self) -> LongBlocks:
        """Note no more, and return what was noted."""
        noted = self.so_far()
        self._library.core_note_long_blocks(self._native, 0)
        return noted

# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a logged machine again, on a processor of its own that records every instruction and access."""

from __future__ import annotations

from typing import Final

import numpy as np

from emu.address import ADDRESS_MASK, PAGE_SHIFT, PAGE_SIZE, Gva, is_canonical
from emu.cpu import registers as r
from emu.cpu.array_address import array_address
from emu.cpu.native_core import STOP_INTERRUPT, STOP_INVALID_INSTRUCTION, STOP_RECORDER, STOP_REFUSED, load_native_core
from emu.cpu.processor import Processor
from emu.cpu.recorder import Filter, Recorder
from emu.memory import page_table as pt
from emu.memory.errors import NotMapped
from emu.memory.ram import Ram
from emu.trace.layout import ACCESS, INSTRUCTION
from emu.trace.run_log import Page, Run, RunLog
from emu.trace.source import Table, Words

ACCESS_MARGIN: Final = 256
"""Rows that the table of accesses has more than that of instructions: what one instruction may make, and some."""

_NAMES: Final = dict(enumerate((*r.GPR_NAMES, "rip", "rflags", "cr2", "cr3", "budget", "blocks", "timestamp reads")))
"""Of the quadwords of the state block."""


ARITHMETIC_FLAGS: Final = 0x8D5
"""OF, SF, ZF, AF, PF, CF (Intel SDM Vol. 1, 3.4.3.1)."""


def _quadword(run: Run, index: int) -> int:
    """Return a quadword of the state block at a run's end."""
    return memoryview(run.end[: r.XMM_OFFSET]).cast("Q")[index]


def _ended_at_watch(run: Run) -> bool:
    """Tell whether a run ended where a watch was to stop it (emu/cpu/watch.py): nothing else would end it there."""
    return memoryview(run.end[: r.XMM_OFFSET]).cast("I")[r.REASON] == STOP_RECORDER


class ReplayDiverged(RuntimeError):
    """Running again gave something else than the run that was logged: a mistake of the emulator's, to be reported."""


class Replay:
    """A second machine that goes through the runs of a log, from the first.

    `advance` goes to the end of a run or to the next stop of the recorder; `instructions` and `accesses` are what has
    been recorded since `take`.
    """

    def __init__(self, log: RunLog) -> None:
        self._ram = Ram(log.ram_size)
        self._ram.bytes[: len(log.base)] = log.base  # the processor enters long mode through the tables in it
        self._processor = Processor(log.profile, self._ram.address, self._ram.size)
        self._processor.start(log.root, log.descriptor_table, log.unreachable, lambda address, size: b"")
        self._words = self._processor.block[: r.XMM_OFFSET].cast("I")
        self._library = load_native_core()
        self._register_rows: Words = np.empty((0, r.RFLAGS + 1), np.uint64)
        self._row_instructions: Words = np.empty(0, np.uint64)
        """Kept from trace to trace: most rows of this large table are never touched."""
        self.recorder = Recorder(self._processor)
        self._has_stops = False
        self._code_frames: set[int] = set()
        """Those that may be translated."""
        self._high = 0
        """Bytes of memory in front of what has never been touched."""
        self._had_own_tables = False
        """The guest has had page tables of its own, so that any frame may have been executed or written."""
        self.begin(log, Filter())

    def begin(self, log: RunLog, filtered: Filter) -> None:
        """Go back to where a log begins, of the machine that this replay was made for."""
        if self._has_other_code(log):
            self._processor.drop_all_translations()
            self._code_frames.clear()
        self._code_frames |= log.code_frames
        self._log = log
        self._ram.bytes[: len(log.base)] = log.base
        if self._high > len(log.base):
            self._ram.bytes[len(log.base) : self._high] = bytes(self._high - len(log.base))
        self._high = len(log.base)
        self._had_own_tables = False
        if self._has_stops:
            self._processor.stop_in(())
            self._has_stops = False
        self._processor.restore(log.snapshot)
        self.recorder.begin(filtered, log.long_blocks)
        self.run = 0
        """Index of the run under way, or that comes next."""
        self._under_way = False
        self._stands = False
        """Before an instruction, in the middle of a run."""
        self._instructions: Table = np.zeros(0, INSTRUCTION)
        self._accesses: Table = np.zeros(0, ACCESS)
        self._records_registers = False

    def _has_other_code(self, log: RunLog) -> bool:
        """Tell whether code lies in memory that is not the code of a log's beginning."""
        if self._had_own_tables:
            return True
        pages = [slice(frame << PAGE_SHIFT, frame + 1 << PAGE_SHIFT) for frame in self._code_frames]
        return any(log.base[page] != bytes(self._ram.bytes[page]) for page in pages)

    def close(self) -> None:
        """Give the memory back."""
        self._processor.close()

    def set_room(self, instructions: int, *, registers: bool = False) -> None:
        """Have tables for so many instructions, empty; with a row of registers for each, if asked for.

        They are not cleared: room that is never used is not touched, and takes no memory. The rows of registers are
        written over by the next ones.
        """
        self.recorder.take()
        self._instructions = np.empty(instructions, INSTRUCTION)
        self._records_registers = registers
        if registers and len(self._row_instructions) < instructions:
            self._register_rows = np.empty((instructions, r.RFLAGS + 1), np.uint64)
            self._row_instructions = np.empty(instructions, np.uint64)
        self._set_access_room(2 * instructions + ACCESS_MARGIN)

    def _set_access_room(self, room: int) -> None:
        accesses = np.empty(room, ACCESS)
        accesses[: self.recorder.counts[1]] = self._accesses[: self.recorder.counts[1]]
        self._accesses = accesses
        self.recorder.set_tables(
            array_address(self._instructions),
            len(self._instructions),
            array_address(accesses),
            room,
            *(
                (array_address(self._register_rows), array_address(self._row_instructions))
                if self._records_registers
                else (0, 0)
            ),
        )

    @property
    def instructions(self) -> Table:
        """The instructions recorded since the tables were set: a view."""
        return self._instructions[: self.recorder.counts[0]]

    @property
    def accesses(self) -> Table:
        """The accesses recorded since the tables were set: a view."""
        return self._accesses[: self.recorder.counts[1]]

    @property
    def registers(self) -> Words:
        """The rows of registers: a view."""
        return self._register_rows[: self.recorder.row_count]

    @property
    def row_instructions(self) -> Words:
        """The index in the trace of the instruction before which each row was: a view."""
        return self._row_instructions[: self.recorder.row_count]

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another instruction."""
        return self.recorder.counts[0] == len(self._instructions)

    def fill(self) -> None:
        """Go on until the tables are full, or to the end."""
        while not self.has_ended and not self.is_full:
            self.advance()

    @property
    def has_ended(self) -> bool:
        """Whether every run has been gone through."""
        return self.run == len(self._log.runs)

    def advance(self) -> bool:
        """Go on to the end of the run, and return True; False: before `stop_position`, or there is no room.

        Raises `ReplayDiverged`.
        """
        run = self._log.runs[self.run]
        if not self._under_way:
            self._begin(run)
        self._stands = False
        while True:
            self._library.core_run(self._processor.native)
            if self._words[r.PAGING_CHANGED]:
                self._had_own_tables, self._high = True, self._ram.size
            if self._words[r.REASON] != STOP_RECORDER:
                break
            if self._has_come_to_end_of(run):
                break
            if self.is_full or self.recorder.position == self.recorder.stop_position:
                self._stands = True
                return False
            self.recorder.check()
            if len(self._accesses) - self.recorder.counts[1] < ACCESS_MARGIN:
                self._set_access_room(2 * len(self._accesses))
        self._mend_flags(run)
        self._check_end(run)
        self._under_way = False
        self.run += 1
        return True

    def _begin(self, run: Run) -> None:
        if run.restored is not None:
            self._processor.restore(run.restored)
        if run.stops is not None:
            self._processor.stop_in(run.stops)
            self._has_stops = True
        self._apply(run.pages)
        request = self._words[r.REQUEST]
        self._processor.block[:] = run.begin  # with what the host has asked for: to flush the TLB, or translations
        self._words[r.REQUEST] |= request
        end = memoryview(run.end[: r.XMM_OFFSET]).cast("Q")
        stops = _ended_at_watch(run)
        self.recorder.end_at(*((Gva(end[r.RIP]), end[r.BLOCKS]) if stops else (Gva(0), 0)))
        self._under_way = True

    def _has_come_to_end_of(self, run: Run) -> bool:
        """Tell whether a stop of the recorder's is where a watch ended the run."""
        end = memoryview(run.end[: r.XMM_OFFSET]).cast("Q")
        registers = self._processor.registers
        if not _ended_at_watch(run) or registers[r.RIP] != end[r.RIP] or registers[r.BLOCKS] < end[r.BLOCKS]:
            return False
        # What its stop in the midst of an instruction has left to be put back, this one has not touched.
        self._words[r.REQUEST] = memoryview(run.end[: r.XMM_OFFSET]).cast("I")[r.REQUEST]
        return True

    def _apply(self, pages: tuple[Page, ...]) -> None:
        for page in pages:
            start = page.frame << PAGE_SHIFT
            self._ram.bytes[start : start + PAGE_SIZE] = page.content
            self._high = max(self._high, start + PAGE_SIZE)

    def _mend_flags(self, run: Run) -> None:
        """Take what the recorder's hooks had the engine make of the arithmetic flags back, where it traps."""
        registers = self._processor.registers
        expected = int.from_bytes(run.end[r.RFLAGS * 8 : r.RFLAGS * 8 + 8], "little")
        if registers[r.RFLAGS] & ~r.FLAGS_ARITHMETIC | self.recorder.last_flags == expected:
            registers[r.RFLAGS] = expected

    def _check_end(self, run: Run) -> None:
        if self._words[r.REASON] == STOP_REFUSED and self._processor.registers[r.RIP] == _quadword(run, r.RIP):
            # Of what stands behind a refused instruction in its block the engine may have executed a part.
            self._processor.block[:] = run.end
            return
        flags = _quadword(run, r.RFLAGS)
        if self._words[r.REASON] in (STOP_INTERRUPT, STOP_INVALID_INSTRUCTION):
            # Under a code hook the engine takes the flags of a faulting instruction from the wrong operands.
            ours_kept = self._processor.registers[r.RFLAGS] & ~ARITHMETIC_FLAGS
            self._processor.registers[r.RFLAGS] = ours_kept | flags & ARITHMETIC_FLAGS
        ours = bytes(self._processor.block)
        if ours == run.end:
            return
        mine, theirs = (memoryview(state[: r.XMM_OFFSET]).cast("Q") for state in (ours, run.end))
        for index, (got, expected) in enumerate(zip(mine, theirs, strict=True)):
            if got != expected:
                what = _NAMES.get(index, f"quadword {index} of the state block")
                raise ReplayDiverged(
                    f"run {self.run} of the trace ended with {what} {expected:#x}, and {got:#x} when run again; "
                    "please report this with the program"
                )
        if ours[r.XMM_OFFSET :] != run.end[r.XMM_OFFSET :]:
            raise ReplayDiverged(f"run {self.run} of the trace ended with other XMM registers when run again")

    def seek(self, position: int) -> None:
        """Go forwards to before the instruction of a number, or to the end, which comes behind the last one.

        What is gone through is recorded into tables that nobody reads. Raises IndexError behind the end.
        """
        recorder = self.recorder
        recorder.stop_position = position
        while not (self._stands and recorder.position == position):
            if self.has_ended:
                if recorder.position != position:
                    raise IndexError(f"instruction {position} lies behind the end of the trace")
                self.finish()
                break
            if not self.advance() and recorder.position != position:
                recorder.take()
        recorder.take()

    def finish(self) -> None:
        """Do what the host did behind the last run."""
        self._apply(self._log.last_pages)
        self._processor.block[:] = self._log.last_block

    def state_registers(self) -> dict[str, int]:
        """Return the registers as they are now."""
        processor = self._processor
        values = dict(zip(r.GPR_NAMES, processor.registers[:16].tolist(), strict=True))
        values |= {"rip": processor.registers[r.RIP], "rflags": processor.registers[r.RFLAGS]}
        values |= {"mxcsr": processor.mxcsr, "irql": processor.irql}
        xmm = bytes(processor.xmm)
        for number in range(16):
            values[f"xmm{number}"] = int.from_bytes(xmm[number * 16 : number * 16 + 16], "little")
        return values

    def read(self, address: int, size: int) -> bytes:
        """Read memory as it is now, through every page state. Raises `NotMapped`."""
        pieces = []
        while size > 0:
            offset = address % PAGE_SIZE
            count = min(size, PAGE_SIZE - offset)
            start = self._frame(address) + offset
            pieces.append(bytes(self._ram.bytes[start : start + count]))
            address, size = address + count, size - count
        return b"".join(pieces)

    def _frame(self, address: int) -> int:
        """Return where the frame of a page lies. An absent entry keeps its frame (emu/memory/page_table.py)."""
        if not 0 <= address <= ADDRESS_MASK or not is_canonical(address):
            raise NotMapped(Gva(address))
        table = int(self._processor.registers[r.CR3]) & pt.FRAME_MASK
        for index in pt.indices(address):
            if not table <= self._ram.size - PAGE_SIZE:
                raise NotMapped(Gva(address))
            table = self._ram.quadwords[table + index * 8 >> 3] & pt.FRAME_MASK
            if not table:
                raise NotMapped(Gva(address))
        return table

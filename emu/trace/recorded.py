# SPDX-License-Identifier: GPL-2.0-or-later
"""A trace of a machine: its log, run again whenever something is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from emu.address import Gva
from emu.cpu.recorder import Filter
from emu.events import Event
from emu.image import ImageError, Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.layout import EVENT, event_row
from emu.trace.replay import Replay
from emu.trace.run_log import RunLog
from emu.trace.source import CHUNK, Chunk, Table, TraceError, Words
from emu.trace.trace import REGISTER_COLUMNS

SEEK_ROOM = 1 << 12
"""Rows of the tables that are recorded into while nothing is wanted but to come further."""


class _Timeline:
    """Puts the events and calls of a log between the instructions, as a replay goes through its runs."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._call_begin = 0
        self._happened = 0
        self.calls: list[TracedCall] = []
        self.events: list[tuple[int, int]] = []
        """Of each event its call and its index there."""

    def run_ended(self, replay: Replay) -> None:
        """Add what happened between the run that ended and the next."""
        log, now = self._log, replay.recorder.first + replay.recorder.counts[0]
        call = log.runs[replay.run - 1].call
        logged = log.calls[call]
        is_last = replay.run == logged.end_run
        until = len(logged.events) if is_last else log.runs[replay.run].events
        for number in range(self._happened, until):
            self._rows.append(event_row(logged.events[number], now, call))
            self.events.append((call, number))
        self._happened = until
        if is_last:
            outcome = str(logged.outcome).partition("\n")[0] if logged.outcome is not None else "interrupted"
            self.calls.append(TracedCall(logged.function, logged.arguments, outcome, self._call_begin, now))
            self._call_begin, self._happened = now, 0

    def take(self, end: int | None) -> Table:
        """Take the events before an instruction away, or all."""
        count = len(self._rows)
        if end is not None:
            count = next((number for number, row in enumerate(self._rows) if row[0] >= end), count)
        taken = np.array(self._rows[:count], EVENT)
        del self._rows[:count]
        return taken


class RecordedState:
    """The machine before an instruction of a trace."""

    def __init__(self, source: RecordedSource, index: int) -> None:
        self._source = source
        self._index = index
        self._registers = source.at(index).state_registers()

    @property
    def registers(self) -> dict[str, int]:
        """The registers: rax to r15, rip, rflags, mxcsr, irql, xmm0 to xmm15."""
        return dict(self._registers)

    def read(self, address: int, size: int) -> bytes:
        """Read memory, user or kernel, through every page state. Raises `NotMapped`."""
        return self._source.at(self._index).read(address, size)


class RecordedSource:
    """Gives a trace by running its log again.

    `spare` holds replays of the same machine that nobody uses; what this trace is done with goes there.
    """

    def __init__(self, log: RunLog, filtered: Filter, spare: list[Replay]) -> None:
        self._log = log
        self._filter = filtered
        self._spare = spare
        self._code: list[Code] = []
        self._calls: list[TracedCall] = []
        self._events: list[tuple[int, int]] = []
        """Of each event its call and its index there."""
        self._cursor: Replay | None = None
        self._positions: Words | None = None

    def _replay(self, filtered: Filter) -> Replay:
        if not self._log.finished:
            raise TraceError("the trace is still being taken; ask it behind its `with` block")
        replay = self._spare.pop() if self._spare else Replay(self._log)
        replay.begin(self._log, filtered)
        return replay

    @property
    def code(self) -> Sequence[Code]:
        """The code seen so far."""
        return self._code

    @property
    def calls(self) -> Sequence[TracedCall]:
        """The calls gone through so far."""
        return self._calls

    @property
    def modules(self) -> Sequence[TracedModule]:
        """The images that were loaded."""
        return self._log.modules

    @property
    def images(self) -> Sequence[Module]:
        """The same, with their symbols and source lines."""
        return tuple(self._log.images.values())

    @property
    def buffers(self) -> Sequence[TracedBuffer]:
        """The buffers that were allocated."""
        return self._log.buffers

    def event(self, index: int) -> Event:
        """Return an event whole."""
        call, number = self._events[index]
        return self._log.calls[call].events[number]

    def explain(self, index: int) -> str:
        """Return an event in words."""
        call, number = self._events[index]
        logged = self._log.calls[call]
        return logged.explanation.explain_event(logged.events[number])

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Run the log again, and give what is recorded, `size` instructions at a time."""
        replay = self._replay(self._filter)
        timeline = _Timeline(self._log)
        given = events_given = 0
        replay.set_room(size)
        while not replay.has_ended:
            if replay.advance():
                timeline.run_ended(replay)
                self._take_over(replay, timeline)
            elif replay.is_full:
                self._take_over(replay, timeline)
                events = timeline.take(given + size)
                yield Chunk(given, replay.instructions, replay.accesses, events, events_given)
                given, events_given = given + size, events_given + len(events)
                replay.set_room(size)
        self._take_over(replay, timeline)
        instructions, accesses = replay.instructions.copy(), replay.accesses.copy()
        yield Chunk(given, instructions, accesses, timeline.take(None), events_given)
        self._spare.append(replay)

    def _take_over(self, replay: Replay, timeline: _Timeline) -> None:
        """Note what the chunks given from now on refer to."""
        code = replay.recorder.code
        for number in range(len(self._code), len(code)):
            self._code.append(self._describe(*code[number]))
        self._calls.extend(timeline.calls[len(self._calls) :])
        self._events.extend(timeline.events[len(self._events) :])

    def _describe(self, rip: Gva, encoding: bytes) -> Code:
        images = self._log.images
        module = next((image for image in images.values() if image.contains(rip)), None)
        if module is None:
            return Code(rip, encoding, "", "", 0, "", 0)
        try:
            line = module.source_line(rip)
        except ImageError:
            line = None
        symbol, offset = self._symbol(module, rip)
        return Code(rip, encoding, module.name, symbol, offset, line.file if line else "", line.line if line else 0)

    def _symbol(self, module: Module, rip: Gva) -> tuple[str, int]:
        """Take `module!symbol+0xoffset` apart, exports of the kernel by their own names."""
        place = self._log.last_explanation.locate(rip)
        _, found, rest = place.partition("!")
        if not found:
            return "", rip - module.base
        symbol, _, offset = rest.rpartition("+0x")
        return (symbol, int(offset, 16)) if symbol else (rest, 0)

    def registers(self, begin: int, end: int) -> Words:
        """Run the log again, and record registers."""
        if not 0 <= begin <= end:
            raise IndexError(f"no instructions {begin} to {end}")
        replay = self._replay(self._filter)
        rows = []
        replay.set_room(max(SEEK_ROOM, 1))
        while not replay.has_ended and replay.recorder.first < end:
            at = replay.recorder.first
            replay.set_room(begin - at if at < begin and begin - at < SEEK_ROOM else SEEK_ROOM, registers=at >= begin)
            while not replay.has_ended and replay.advance():
                pass
            if at >= begin:
                rows.append(replay.registers[: end - at].copy())
        self._spare.append(replay)
        found = np.concatenate(rows) if rows else np.zeros((0, len(REGISTER_COLUMNS)), np.uint64)
        if len(found) != end - begin:
            raise IndexError(f"instruction {begin + len(found)} lies behind the end of the trace")
        return found

    def state_at(self, index: int) -> RecordedState:
        """Return the machine before an instruction."""
        if index < 0:
            raise IndexError(f"no instruction {index}; they are numbered from 0")
        return RecordedState(self, index)

    def at(self, index: int) -> Replay:
        """Return a replay that stands before an instruction, or at the end."""
        position = self._position(index)
        cursor = self._cursor
        if cursor is None or cursor.has_ended or cursor.recorder.position > position:
            if cursor is not None:
                cursor.begin(self._log, Filter())
            self._cursor = cursor = cursor or self._replay(Filter())
            cursor.set_room(SEEK_ROOM)
        cursor.seek(position)
        return cursor

    def _position(self, index: int) -> int:
        """Return how many instructions had been executed before the one with an index."""
        if self._filter == Filter():
            return index
        if self._positions is None:
            self._positions = np.concatenate([chunk.instructions["position"] for chunk in self.chunks(CHUNK)])
        if index >= len(self._positions):
            raise IndexError(f"instruction {index} lies behind the end of the trace")
        return int(self._positions[index])

# SPDX-License-Identifier: GPL-2.0-or-later
"""A trace of a machine: its log, run again whenever something is asked of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from emu.cpu.recorder import Filter, decode_code
from emu.events import Event
from emu.image import Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.described_code import DescribedCode
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
        self.run_ends: list[int] = []

    def run_ended(self, replay: Replay) -> None:
        """Add what happened between the run that ended and the next."""
        log, now = self._log, replay.recorder.first + replay.recorder.counts[0]
        call = log.runs[replay.run - 1].call
        logged = log.calls[call]
        self.run_ends.append(now)
        is_last = replay.run == logged.end_run
        until = len(logged.events) if is_last else log.runs[replay.run].events
        for number in range(self._happened, until):
            self._rows.append(event_row(logged.events[number], now, call))
            self.events.append((call, number))
        self._happened = until
        if is_last:
            outcome = "interrupted" if logged.outcome is None else logged.outcome.headline
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
        self._calls: list[TracedCall] = []
        self._events: list[tuple[int, int]] = []
        """Of each event its call and its index there."""
        self._run_ends: list[int] = []
        self._code_rows = b""
        """`Recorder.code_rows` of all the code."""
        self._passes = 0
        """How many generators of chunks are under way."""
        self._is_known = False
        self._executed = 0
        self._cursor: Replay | None = None
        self._positions: Words | None = None
        """Of a filtered trace: how many instructions had been executed before each of its own, and before its end."""

    def _replay(self, filtered: Filter) -> Replay:
        if not self._log.finished:
            raise TraceError("the trace is still being taken; ask it behind its `with` block")
        if self._log.clash:
            raise TraceError(f"{self._log.clash}; end the trace before a reset that another image is loaded after")
        replay = self._spare.pop() if self._spare else Replay(self._log)
        replay.begin(self._log, filtered)
        return replay

    def _know(self) -> None:
        """Go through the log once, unless that is being done: then what is known is what the chunks so far refer to."""
        if not self._is_known and self._passes == 0:
            for _ in self.chunks(CHUNK):
                pass

    @property
    def code(self) -> Sequence[Code]:
        """The code that ran."""
        self._know()
        return self._code

    @functools.cached_property
    def _code(self) -> DescribedCode:
        return DescribedCode(self._log.images, self._log.export_at)

    @property
    def calls(self) -> Sequence[TracedCall]:
        """The calls that the host made."""
        self._know()
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

    @property
    def run_ends(self) -> Sequence[int]:
        """Of each run of the log the index behind its last instruction."""
        self._know()
        return self._run_ends

    def event(self, index: int) -> Event:
        """Return an event whole."""
        self._know()
        call, number = self._events[index]
        return self._log.calls[call].events[number]

    def explain(self, index: int) -> str:
        """Return an event in words."""
        self._know()
        call, number = self._events[index]
        logged = self._log.calls[call]
        return logged.explanation.explain_event(logged.events[number])

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Run the log again, and give what is recorded, `size` instructions at a time."""
        replay = self._replay(self._filter)
        self._passes += 1
        try:
            yield from self._run_again(replay, size)
            self._is_known = True
        finally:
            self._passes -= 1
            self._spare.append(replay)

    def _run_again(self, replay: Replay, size: int) -> Iterator[Chunk]:
        timeline = _Timeline(self._log)
        given = events_given = 0
        self._set_room(replay, size)
        while not replay.has_ended:
            if replay.advance():
                timeline.run_ended(replay)
            elif replay.is_full:
                self._take_over(replay, timeline)
                events = timeline.take(given + size)
                yield Chunk(given, replay.instructions, replay.accesses, events, events_given)
                given, events_given = given + size, events_given + len(events)
                self._set_room(replay, size)
        self._take_over(replay, timeline)
        self._executed = replay.recorder.position
        yield Chunk(given, replay.instructions, replay.accesses, timeline.take(None), events_given)

    def _set_room(self, replay: Replay, size: int) -> None:
        replay.set_room(size)

    def _take_over(self, replay: Replay, timeline: _Timeline) -> None:
        """Note what the chunks given from now on refer to."""
        rows = replay.recorder.code_rows
        if len(rows) > len(self._code_rows):
            self._code_rows = rows
            self._code.extend(decode_code(rows))
        self._calls.extend(timeline.calls[len(self._calls) :])
        self._events.extend(timeline.events[len(self._events) :])
        self._run_ends.extend(timeline.run_ends[len(self._run_ends) :])

    def registers(self, begin: int, end: int) -> Words:
        """Run the log again, and record registers."""
        if not 0 <= begin <= end:
            raise IndexError(f"no instructions {begin} to {end}")
        replay = self._replay(self._filter)
        try:
            rows = list(self._register_rows(replay, begin, end))
        finally:
            self._spare.append(replay)
        found = np.concatenate(rows) if rows else np.zeros((0, len(REGISTER_COLUMNS)), np.uint64)
        if len(found) != end - begin:
            raise IndexError(f"instruction {begin + len(found)} lies behind the end of the trace")
        return found

    def _register_rows(self, replay: Replay, begin: int, end: int) -> Iterator[Words]:
        while not replay.has_ended and (at := replay.recorder.first) < end:
            skips = at < begin
            replay.set_room(min((begin if skips else end) - at, CHUNK), registers=not skips)
            replay.fill()
            if not skips:
                yield replay.registers.copy()
            replay.recorder.take()

    def state_at(self, index: int) -> RecordedState:
        """Return the machine before an instruction."""
        if index < 0:
            raise IndexError(f"no instruction {index}; they are numbered from 0")
        return RecordedState(self, index)

    def at(self, index: int) -> Replay:
        """Return a replay that stands before an instruction, or at the end."""
        position = self._position(index)
        cursor = self._cursor
        at = 0 if cursor is None else cursor.recorder.position
        if cursor is None or at > position or (cursor.has_ended and at < position):
            if cursor is not None:
                cursor.begin(self._log, Filter())
            self._cursor = cursor = cursor or self._replay(Filter())
            cursor.set_room(SEEK_ROOM)
        cursor.seek(position)
        return cursor

    def _position(self, index: int) -> int:
        """Return how many instructions had been executed before the one with an index."""
        if not any(self._filter):
            return index
        if self._positions is None:
            positions = [chunk.instructions["position"] for chunk in self.chunks(CHUNK)]
            self._positions = np.concatenate([*positions, np.array([self._executed], np.uint64)])
        if index >= len(self._positions):
            raise IndexError(f"instruction {index} lies behind the end of the trace")
        return int(self._positions[index])

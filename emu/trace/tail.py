# SPDX-License-Identifier: GPL-2.0-or-later
"""The last instructions of a trace, as a trace of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from emu.events import Event
from emu.image import Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.source import CHUNK, Chunk, MachineState, TraceSource, Words


class TailSource:
    """Keeps the last `count` instructions of a source, in memory, once the source has been gone through.

    Instructions, accesses, events and calls are numbered from 0; `position` says how many were executed before. Calls
    that ended before the first instruction kept are left out, with their events.
    """

    def __init__(self, source: TraceSource, count: int) -> None:
        self._source = source
        self._count = count
        self._kept: deque[Chunk] | None = None
        self._first = self._first_access = self._first_event = self._first_call = 0
        self._length = self._events = 0

    def _keep(self) -> deque[Chunk]:
        if self._kept is None:
            kept: deque[Chunk] = deque()
            total = 0
            for chunk in self._source.chunks(min(CHUNK, max(self._count, 1 << 12))):
                kept.append(chunk)
                total += len(chunk.instructions)
                while total - len(kept[0].instructions) >= self._count:
                    total -= len(kept.popleft().instructions)
            end = kept[-1].first + len(kept[-1].instructions)
            self._first = max(end - self._count, 0)
            if self._first:
                self._first_call = sum(call.end <= self._first for call in self._source.calls)
            kept[0] = self._cut(kept[0])
            self._length = end - self._first
            self._events = kept[-1].first_event + len(kept[-1].events) - self._first_event
            self._kept = kept
        return self._kept

    def _cut(self, chunk: Chunk) -> Chunk:
        """Leave out what comes before the first instruction kept, and learn where numbering begins."""
        skipped = self._first - chunk.first
        instructions = chunk.instructions[skipped:]
        events_skipped = 0
        if self._first:
            firsts = ("instruction", self._first), ("call", self._first_call)
            events_skipped = max(int(np.searchsorted(chunk.events[field], first)) for field, first in firsts)
        accesses = chunk.accesses
        self._first_event = chunk.first_event + events_skipped
        if len(chunk.instructions):
            begin = int(chunk.instructions["first_access"][0])
            self._first_access = int(instructions["first_access"][0])
            accesses = accesses[self._first_access - begin :]
        return Chunk(self._first, instructions, accesses, chunk.events[events_skipped:], self._first_event)

    @property
    def code(self) -> Sequence[Code]:
        """The code that ran, before the first instruction kept, too."""
        return self._source.code

    @property
    def calls(self) -> Sequence[TracedCall]:
        """The calls that have not ended before the first instruction kept."""
        self._keep()
        first = self._first
        return tuple(
            call._replace(begin=max(call.begin - first, 0), end=call.end - first)
            for call in self._source.calls[self._first_call :]
        )

    @property
    def modules(self) -> Sequence[TracedModule]:
        """The images that were loaded."""
        return self._source.modules

    @property
    def images(self) -> Sequence[Module]:
        """The same, with their symbols and source lines."""
        return self._source.images

    @property
    def buffers(self) -> Sequence[TracedBuffer]:
        """The buffers that were allocated."""
        return self._source.buffers

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Give what was kept, in the pieces in which it came, cut to `size`."""
        for kept in self._keep():
            chunk = self._numbered(kept)
            for begin in range(0, max(len(chunk.instructions), 1), size):
                yield _piece(chunk, begin, size)

    def _numbered(self, chunk: Chunk) -> Chunk:
        instructions, accesses, events = chunk.instructions.copy(), chunk.accesses.copy(), chunk.events.copy()
        instructions["first_access"] -= self._first_access
        accesses["instruction"] -= self._first
        events["instruction"] -= self._first
        events["call"] -= self._first_call
        return Chunk(chunk.first - self._first, instructions, accesses, events, chunk.first_event - self._first_event)

    def event(self, index: int) -> Event:
        """Return an event whole."""
        return self._source.event(self._event_index(index))

    def explain(self, index: int) -> str:
        """Return an event in words."""
        return self._source.explain(self._event_index(index))

    def _event_index(self, index: int) -> int:
        self._keep()
        if not -self._events <= index < self._events:
            raise IndexError(f"no event {index}; there are {self._events}")
        return index % self._events + self._first_event

    def registers(self, begin: int, end: int) -> Words:
        """Return the registers before a range of the instructions kept."""
        self._keep()
        if not 0 <= begin <= end:
            raise IndexError(f"no instructions {begin} to {end}")
        if end > max(begin, self._length):
            raise IndexError(f"instruction {max(begin, self._length)} lies behind the end of the trace")
        return self._source.registers(begin + self._first, end + self._first)

    def state_at(self, index: int) -> MachineState:
        """Return the machine before one of the instructions kept."""
        if index < 0:
            raise IndexError(f"no instruction {index}; they are numbered from 0")
        self._keep()
        if index > self._length:
            raise IndexError(f"instruction {index} lies behind the end of the trace")
        return self._source.state_at(index + self._first)


def _piece(chunk: Chunk, begin: int, size: int) -> Chunk:
    """Cut a piece out of a chunk."""
    if not begin and len(chunk.instructions) <= size:
        return chunk
    instructions = chunk.instructions[begin : begin + size]
    is_last = begin + size >= len(chunk.instructions)
    first = chunk.first + begin
    access_base = int(chunk.instructions["first_access"][0])
    access_end = None if is_last else int(chunk.instructions["first_access"][begin + size]) - access_base
    accesses = chunk.accesses[int(instructions["first_access"][0]) - access_base : access_end]
    numbers = chunk.events["instruction"]
    event_begin = int(np.searchsorted(numbers, first)) if begin else 0
    event_end = len(numbers) if is_last else int(np.searchsorted(numbers, first + size))
    return Chunk(first, instructions, accesses, chunk.events[event_begin:event_end], chunk.first_event + event_begin)

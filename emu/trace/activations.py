# SPDX-License-Identifier: GPL-2.0-or-later
"""Which function called which: the activations of a trace, from its calls, returns and unwinds.

A trace has no stack pointers, so this goes by return addresses. A `call` begins an activation; a `ret` ends the last
one that is to return to where it went, and all above it. An unwind ends the ones above each frame that it passes: the
frame's pc is the return address of what it called. Where the host starts code, a filter, a `__finally`, a callback,
it has that return to a `hlt`: a return to one ends the last of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from emu.kernel.stubs import STUB_LENGTH
from emu.trace.code import Code
from emu.trace.control_flow import Flow, flow_of, flows_of
from emu.trace.layout import EventKind, InstructionFlag
from emu.trace.source import Chunk

if TYPE_CHECKING:
    from emu.trace.trace import Trace

DEEPEST = 4096
"""Activations at a time. More are code that calls and never returns: all are taken to have ended then."""

CALL = "call"
HOST = "host"

_STARTING: dict[EventKind | None, str] = {
    EventKind.FrameSearched: "filter or handler",
    EventKind.FinallyRun: "__finally",
}
"""Events behind which the host starts code."""

_MOVING = (EventKind.FrameSearched, EventKind.FinallyRun, EventKind.Landed, EventKind.ExecutionContinued)
"""Events that say how execution goes on."""

_INSTRUCTION = 1 << 40
"""Behind the marks of all calls."""


class Began(NamedTuple):
    """An activation begins with an instruction."""

    at: int
    code: Code
    by: str
    """What began it: `CALL`; what the host started, `filter or handler`, `__finally`; else `HOST`."""


class Ended(NamedTuple):
    """The last activation that began, of those that have not ended, ends before an instruction."""

    at: int


class Happened(NamedTuple):
    """An event lies before an instruction."""

    at: int
    event: int
    """Its index in the events of the trace."""
    kind: EventKind
    rip: int
    address: int


Step: TypeAlias = Began | Ended | Happened


class _Stack:
    """The activations that have not ended: the return address of each, None where the host knows it alone."""

    def __init__(self) -> None:
        self._returns: list[int | None] = []

    def begin(self, at: int, code: Code, by: str, return_address: int | None) -> Iterator[Step]:
        if len(self._returns) == DEEPEST:
            yield from self.end(at, DEEPEST)
        self._returns.append(return_address)
        yield Began(at, code, by)

    def end(self, at: int, count: int | None = None) -> Iterator[Step]:
        """End so many activations, or all."""
        for _ in range(len(self._returns) if count is None else count):
            self._returns.pop()
            yield Ended(at)

    def returning_to(self, *addresses: int | None) -> int:
        """Return how many are to end for one to return to the first of these addresses that one does; 0 for none."""
        for address in addresses:
            for above, known in enumerate(reversed(self._returns), 1):
                if known == address:
                    return above
        return 0


class _Walk:
    """Goes through a trace, chunk by chunk."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._stack = _Stack()
        self._flows = np.zeros(0, np.int8)
        self._last: tuple[int, bool] | None = None
        """Code of the last instruction of the chunk before, and whether it trapped."""
        self._calls_ended = 0
        self._moving: Happened | None = None
        """The last event that says how execution goes on."""

    def steps(self, chunk: Chunk) -> Iterator[Step]:
        """Go on through a chunk. What comes at one position: the events of a call, its end, the instruction."""
        trace, end = self._trace, chunk.first + len(chunk.instructions)
        events, moves = chunk.events.tolist(), self._moves(chunk)
        marks = [(row[0], row[4] * 2, number) for number, row in enumerate(events)]
        while self._calls_ended < len(trace.calls) and trace.calls[self._calls_ended].end < end:
            marks.append((trace.calls[self._calls_ended].end, self._calls_ended * 2 + 1, 0))
            self._calls_ended += 1
        marks += [(at, _INSTRUCTION, 0) for at in moves]
        for at, order, number in sorted(marks):
            if order == _INSTRUCTION:
                yield from self._move(at, *moves[at])
            elif order % 2:
                yield from self._stack.end(at)
            else:
                instruction, rip, address, _, _, kind = events[number]
                yield from self._event(Happened(instruction, chunk.first_event + number, EventKind(kind), rip, address))

    def close(self, at: int) -> Iterator[Step]:
        """End what is open."""
        return self._stack.end(at)

    def _event(self, event: Happened) -> Iterator[Step]:
        if event.kind == EventKind.FrameUnwound:
            yield from self._stack.end(event.at, self._stack.returning_to(event.rip))
        if event.kind in _MOVING:
            self._moving = event
        yield event

    def _moves(self, chunk: Chunk) -> dict[int, tuple[Code | None, bool, Code]]:
        """Return where execution did not just go on: index → the instruction before, whether it trapped, its own."""
        code, table = self._trace.code, chunk.instructions
        if not len(table):
            return {}
        self._flows = np.concatenate([self._flows, np.array(flows_of(code, len(self._flows)), np.int8)])
        numbers, trapped = table["code"].astype(np.int64), table["flags"] & InstructionFlag.TRAPPED != 0
        moved = np.zeros(len(table) + 1, bool)
        moved[chunk.events["instruction"][np.isin(chunk.events["kind"], _MOVING)].astype(np.int64) - chunk.first] = True
        is_jump = (self._flows[numbers[:-1]] == Flow.JUMP) & ~trapped[:-1] & ~moved[1:-1]
        rip = table["rip"]
        elsewhere = (rip[1:] != rip[:-1] + table["size"][:-1]) & (rip[1:] != rip[:-1])
        found = np.flatnonzero(elsewhere & ~is_jump).tolist()
        moves: dict[int, tuple[Code | None, bool, Code]] = {}
        last = None if self._last is None else code[self._last[0]]
        first = code[int(numbers[0])]
        if last is None or self._last is None:
            moves[chunk.first] = None, False, first
        elif first.rip not in (last.rip, last.rip + len(last.bytes)) and (
            self._last[1] or bool(moved[0]) or flow_of(last) is not Flow.JUMP
        ):
            moves[chunk.first] = last, self._last[1], first
        for at in found:
            moves[chunk.first + at + 1] = code[int(numbers[at])], bool(trapped[at]), code[int(numbers[at + 1])]
        self._last = int(numbers[-1]), bool(trapped[-1])
        return moves

    def _move(self, at: int, before: Code | None, trapped: bool, reached: Code) -> Iterator[Step]:
        flow = Flow.STOP if before is None else Flow.NEXT if trapped else flow_of(before)
        moved_by = self._moving.kind if self._moving and self._moving.at == at else None
        if moved_by is not None:
            flow = Flow.STOP  # whatever came before: a call may have led to no code
        if before is not None and flow is Flow.CALL:
            yield from self._stack.begin(at, reached, CALL, before.rip + len(before.bytes))
        elif flow is Flow.RETURN:
            by_host = (None,) if flow_of(reached) is Flow.STOP else ()
            yield from self._stack.end(at, self._stack.returning_to(reached.rip, *by_host))
        elif moved_by in _STARTING or (moved_by is None and not _is_resumed(before, reached)):
            yield from self._stack.begin(at, reached, _STARTING.get(moved_by, HOST), None)


def _is_resumed(stop: Code | None, reached: Code) -> bool:
    """Tell whether code goes on where the host skipped a few bytes: an export's stub behind its `hlt`."""
    return stop is not None and stop.rip < reached.rip <= stop.rip + STUB_LENGTH and stop.symbol == reached.symbol


def activations(trace: Trace) -> Iterator[Step]:
    """Give what begins, ends and happens, in order of time; what is still open at the end of the trace ends there.

    The trace is read in chunks, once. No Python runs for an instruction that execution just goes on or jumps to.
    """
    walk, end = _Walk(trace), 0
    for chunk in trace.chunks():
        yield from walk.steps(chunk)
        end = chunk.first + len(chunk.instructions)
    yield from walk.close(end)

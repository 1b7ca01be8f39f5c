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
from emu.trace.control_flow import Flow, flows_of
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

_FEW = 64
"""Places where execution does not just go on, up to which they are looked at one by one."""

# NumPy takes its time with the members of an enumeration.
_JUMP = int(Flow.JUMP)
_TRAPPED = int(InstructionFlag.TRAPPED)

_INSTRUCTION = 1 << 40
"""Behind the marks of all calls."""


class Began(NamedTuple):
    """An activation begins with an instruction."""

    at: int
    code: int
    """The instruction's: index into `Trace.code`."""
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

    def begin(self, at: int, code: int, by: str, return_address: int | None) -> Iterator[Step]:
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


class _Executed(NamedTuple):
    """An instruction, as far as the table has it."""

    code: int
    rip: int
    behind: int
    """The address behind it."""
    trapped: bool


class _Walk:
    """Goes through a trace, chunk by chunk."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._stack = _Stack()
        self._flows = np.zeros(0, np.int8)
        self._last: _Executed | None = None
        """The last instruction of the chunk before."""
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

    def _moves(self, chunk: Chunk) -> dict[int, tuple[_Executed | None, _Executed]]:
        """Return where execution did not just go on: index → the instruction before, and its own."""
        table = chunk.instructions
        if not len(table):
            return {}
        code = self._trace.code
        if len(code) > len(self._flows):
            self._flows = np.concatenate([self._flows, np.array(flows_of(code, len(self._flows)), np.int8)])
        numbers, rip, flags = table["code"], table["rip"], table["flags"]
        behind = rip + table["size"]
        moving = {row[0] - chunk.first for row in chunk.events.tolist() if row[5] in _MOVING}
        elsewhere = ((rip[1:] != behind[:-1]) & (rip[1:] != rip[:-1])).nonzero()[0]
        if len(elsewhere) > _FEW:
            moved = np.zeros(len(table) + 1, bool)
            moved[list(moving)] = True
            is_jump = (self._flows[numbers[elsewhere]] == Flow.JUMP) & (flags[elsewhere] & _TRAPPED == 0)
            elsewhere = elsewhere[~is_jump | moved[elsewhere + 1]]

        def jumps(at: int) -> bool:
            return bool(self._flows[numbers[at]] == _JUMP and not flags[at] & _TRAPPED and at + 1 not in moving)

        def executed(at: int) -> _Executed:
            return _Executed(int(numbers[at]), int(rip[at]), int(behind[at]), bool(flags[at] & _TRAPPED))

        moves: dict[int, tuple[_Executed | None, _Executed]] = {}
        last, first = self._last, executed(0)
        if last is None:
            moves[chunk.first] = None, first
        elif first.rip not in (last.rip, last.behind) and (
            last.trapped or 0 in moving or self._flows[last.code] != _JUMP
        ):
            moves[chunk.first] = last, first
        for at in elsewhere.tolist():
            if not jumps(at):
                moves[chunk.first + at + 1] = executed(at), executed(at + 1)
        self._last = executed(-1)
        return moves

    def _move(self, at: int, before: _Executed | None, reached: _Executed) -> Iterator[Step]:
        flow = Flow.STOP if before is None else Flow.NEXT if before.trapped else Flow(int(self._flows[before.code]))
        moved_by = self._moving.kind if self._moving and self._moving.at == at else None
        if moved_by is not None:
            flow = Flow.STOP  # whatever came before: a call may have led to no code
        if before is not None and flow is Flow.CALL:
            yield from self._stack.begin(at, reached.code, CALL, before.behind)
        elif flow is Flow.RETURN:
            by_host = (None,) if self._flows[reached.code] == Flow.STOP else ()
            yield from self._stack.end(at, self._stack.returning_to(reached.rip, *by_host))
        elif moved_by in _STARTING or (moved_by is None and not self._is_resumed(before, reached)):
            yield from self._stack.begin(at, reached.code, _STARTING.get(moved_by, HOST), None)

    def _is_resumed(self, stop: _Executed | None, reached: _Executed) -> bool:
        """Tell whether code goes on where the host skipped a few bytes: an export's stub behind its `hlt`."""
        if stop is None or not stop.rip < reached.rip <= stop.rip + STUB_LENGTH:
            return False
        code = self._trace.code
        return code[stop.code].symbol == code[reached.code].symbol


def activations(trace: Trace) -> Iterator[Step]:
    """Give what begins, ends and happens, in order of time; what is still open at the end of the trace ends there.

    The trace is read in chunks, once. No Python runs for an instruction that execution just goes on or jumps to.
    """
    walk, end = _Walk(trace), 0
    for chunk in trace.chunks():
        yield from walk.steps(chunk)
        end = chunk.first + len(chunk.instructions)
    yield from walk.close(end)

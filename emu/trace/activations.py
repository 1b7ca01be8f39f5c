# SPDX-License-Identifier: GPL-2.0-or-later
"""Which function called which: the activations of a trace, from its calls, returns and unwinds.

A trace has no stack pointers, so this goes by return addresses. A `call` begins an activation; a `ret` ends the last
one that is to return to where it went, and all above it. An unwind ends the ones above each frame that it passes: the
frame's pc is the return address of what it called. Where the host starts code, a filter, a `__finally`, a callback,
it has that return to a `hlt`: a return to one ends the last of these.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from emu.cpu.array_address import array_address
from emu.kernel.stubs import STUB_LENGTH
from emu.trace.activation_walk import (
    ASKS,
    BEGAN,
    DONE,
    ENDED,
    IS_FULL,
    OPEN_SIZE,
    STEP,
    ActivationWalk,
    load_walk,
)
from emu.trace.control_flow import flows_of
from emu.trace.layout import EventKind
from emu.trace.source import Chunk, Table, TraceError

if TYPE_CHECKING:
    from emu.trace.trace import Trace

DEEPEST = 4096
"""Activations at a time. More are code that calls and never returns: all are taken to have ended then."""

CALL = "call"
JUMP = "jump"
FILTER = "filter or handler"
HOST = "host"
BEGAN_BY: Final = (CALL, JUMP, FILTER, "__finally", HOST)
"""native/activations.h, enum began_by. No trace alone tells which jump begins an activation."""

_ROOM: Final = 4096
"""Steps that are made at once."""


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


class _Walk:
    """Goes through a trace, chunk by chunk, natively (native/activations.c)."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._library = load_walk()
        self._open = np.empty(DEEPEST * OPEN_SIZE, np.uint8)
        self._steps = np.empty(_ROOM, STEP)
        self._walk = ActivationWalk(
            open=array_address(self._open),
            deepest=DEEPEST,
            steps=array_address(self._steps),
            step_room=_ROOM,
            moved_by=ActivationWalk.NO_EVENT,
            stub_length=STUB_LENGTH,
        )
        self._flows = b""

    def steps(self, chunk: Chunk) -> Iterator[Table]:
        """Go on through a chunk, and give its steps in pieces."""
        walk, trace = self._walk, self._trace
        if len(trace.code) > len(self._flows):
            self._flows += bytes(flows_of(trace.code, len(self._flows)))
        ends = np.array([call.end for call in trace.calls], np.uint64)
        instructions, events = (np.ascontiguousarray(table) for table in (chunk.instructions, chunk.events))
        walk.first, walk.first_event = chunk.first, chunk.first_event
        walk.instructions, walk.instruction_count = array_address(instructions), len(instructions)
        walk.events, walk.event_count = array_address(events), len(events)
        walk.flows, walk.flow_count = self._flows, len(self._flows)
        walk.call_ends, walk.call_count = array_address(ends), len(ends)
        walk.next_instruction = walk.next_event = 0
        status = IS_FULL
        while status != DONE:
            status = self._library.trace_walk(ctypes.byref(walk))
            if status == ASKS:
                before, reached = walk.asked_before, walk.asked_reached
                is_same = trace.code[before].symbol == trace.code[reached].symbol
                self._library.trace_answer_walk(ctypes.byref(walk), is_same)
            elif status in (DONE, IS_FULL):
                yield self._steps[: walk.step_count].copy()
                walk.step_count = 0
            else:
                raise TraceError("an instruction of the trace is of a code that the trace does not have")

    @property
    def open_count(self) -> int:
        """How many have not ended."""
        count: int = self._walk.open_count
        return count


def steps_of(trace: Trace) -> Table:
    """Return all steps of a trace, as `STEP`; of those that end, `number` says how many do."""
    walk = _Walk(trace)
    pieces: list[Table] = []
    for chunk in trace.chunks():
        pieces += walk.steps(chunk)
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def activations(trace: Trace) -> Iterator[Step]:
    """Give what begins, ends and happens, in order of time; what is still open at the end of the trace ends there.

    The trace is read in chunks, once. No Python runs for an instruction that execution just goes on or jumps to.
    """
    walk, end = _Walk(trace), 0
    for chunk in trace.chunks():
        for piece in walk.steps(chunk):
            yield from _named(piece, chunk)
        end = chunk.first + len(chunk.instructions)
    yield from [Ended(end)] * walk.open_count


def _named(steps: Table, chunk: Chunk) -> Iterator[Step]:
    rows: list[tuple[int, int, int, int]] = steps.tolist()
    for at, number, kind, by in rows:
        if kind == BEGAN:
            yield Began(at, number, BEGAN_BY[by])
        elif kind == ENDED:
            yield from [Ended(at)] * number
        else:
            event: Any = chunk.events[number - chunk.first_event]
            yield Happened(at, number, EventKind(event["kind"]), int(event["rip"]), int(event["address"]))

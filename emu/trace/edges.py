# SPDX-License-Identifier: GPL-2.0-or-later
"""What followed what in a trace, and how often: all that coverage needs, in the size of the code and not of the run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emu.trace.layout import EventKind, InstructionFlag
from emu.trace.source import Table

if TYPE_CHECKING:
    from emu.trace.trace import Trace

_EVENT = 1
_TRAPPED = 2
_CODE_SHIFT = 2
_BEFORE_SHIFT = 33
_CODE_MASK = (1 << (_BEFORE_SHIFT - _CODE_SHIFT)) - 1

_FRAMES = (EventKind.FrameSearched, EventKind.FrameUnwound)
_ANSWERS = (EventKind.FilterAnswered, EventKind.FinallyRun, EventKind.Landed)
_LAST_OF_DISPATCHES = EventKind.DispatchFailed
"""Kinds up to here are of traps and dispatches."""


class Edge(NamedTuple):
    """That one instruction came right behind another."""

    before: int | None
    """Index into `Trace.code`; None for the first instruction of the trace."""
    code: int
    interrupted: bool
    """A trap or a dispatch lies between the two: it was not the first one that led to the second."""
    trapped: bool
    """The first one did not retire."""


class ScopeEvent(NamedTuple):
    """What the handler of `__try` blocks did."""

    kind: EventKind
    """`FilterAnswered`, `FinallyRun` or `Landed`."""
    rip: int
    """The filter, 0 for the constant one; the `__finally`; where execution went on."""
    answer: int
    """The filter's, signed."""
    pc: int
    """Where the frame was; 0 where that is unknown."""


class Edges(NamedTuple):
    """How often each edge was taken, and each answer given."""

    taken: dict[Edge, int]
    answers: dict[ScopeEvent, int]


def read_edges(trace: Trace) -> Edges:
    """Read a trace in chunks, once."""
    taken: Counter[int] = Counter()
    answers: Counter[ScopeEvent] = Counter()
    pc_of: dict[int, int] = {}
    last_code, last_trapped = -1, False
    for chunk in trace.chunks():
        _count_answers(chunk.events, pc_of, answers)
        count = len(chunk.instructions)
        if not count:
            continue
        code = chunk.instructions["code"].astype(np.uint64)
        trapped = chunk.instructions["flags"] & InstructionFlag.TRAPPED != 0
        interrupted = np.zeros(count + 1, bool)  # the last one is for the events at the end of the trace
        moving = chunk.events["instruction"][chunk.events["kind"] <= _LAST_OF_DISPATCHES]
        interrupted[moving.astype(np.int64) - chunk.first] = True
        before = np.concatenate([[np.uint64(last_code + 1)], code[:-1] + np.uint64(1)])
        after_trap = np.concatenate([[last_trapped], trapped[:-1]])
        key = before << np.uint64(_BEFORE_SHIFT) | code << np.uint64(_CODE_SHIFT)
        key |= after_trap * np.uint64(_TRAPPED) | interrupted[:-1] * np.uint64(_EVENT)
        found, times = np.unique(key, return_counts=True)
        taken.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
        last_code, last_trapped = int(code[-1]), bool(trapped[-1])
    return Edges({_edge(key): times for key, times in taken.items()}, dict(answers))


def _edge(key: int) -> Edge:
    before = (key >> _BEFORE_SHIFT) - 1
    code = key >> _CODE_SHIFT & _CODE_MASK
    return Edge(None if before < 0 else before, code, bool(key & _EVENT), bool(key & _TRAPPED))


def _count_answers(events: Table, pc_of: dict[int, int], answers: Counter[ScopeEvent]) -> None:
    """Count the answers of a chunk; `pc_of` has where each frame was when it was last looked at."""
    chosen = events[np.isin(events["kind"], _FRAMES + _ANSWERS)]
    for kind, rip, frame, value in chosen[["kind", "rip", "address", "value"]].tolist():
        if kind in _FRAMES:
            pc_of[frame] = rip
        else:
            answer = value - (value >> 63 << 64) if kind == EventKind.FilterAnswered else 0
            answers[ScopeEvent(EventKind(kind), rip, answer, pc_of.get(frame, 0))] += 1

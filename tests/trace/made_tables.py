# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypothesis strategies for the tables of a trace: instructions with any number of accesses, events anywhere, calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from emu.address import Gva
from emu.events import DebugPrinted
from emu.trace import ACCESS, EVENT, INSTRUCTION, Chunk, Code, EventKind, StoredSource, TracedCall
from emu.trace.source import Table

CODE = (
    Code(Gva(0x1000), b"\x90", "made", "routine", 0, "", 0),
    Code(Gva(0x1001), b"\xc3", "made", "routine", 1, "", 0),
)


class Whole(NamedTuple):
    """The tables of a whole trace, and its calls. Event k is `DebugPrinted("k", 0, 0)`, in words "event k"."""

    instructions: Table
    accesses: Table
    events: Table
    calls: tuple[TracedCall, ...]

    @property
    def event_objects(self) -> list[DebugPrinted]:
        return [DebugPrinted(str(number), 0, 0) for number in range(len(self.events))]

    def source(self, pieces: int | None = None) -> StoredSource:
        """Return them as a source; one that gives pieces of a size of its own, if it is given one."""
        source = _InPieces(
            self.instructions,
            self.accesses,
            self.events,
            code=CODE,
            calls=self.calls,
            event_objects=self.event_objects,
            explanations=[f"event {number}" for number in range(len(self.events))],
        )
        source.pieces = pieces
        return source


class _InPieces(StoredSource):
    pieces: int | None = None

    def chunks(self, size: int) -> Iterator[Chunk]:
        return super().chunks(self.pieces or size)


Steps = list[tuple[int, int]]
"""Of each instruction of a call how many events come before it, and how many accesses it makes."""


def made(calls: list[tuple[Steps, int]]) -> Whole:
    """Return the tables of calls; with each goes how many events come behind its last instruction."""
    instructions: list[tuple[int, ...]] = []
    accesses: list[tuple[int, int]] = []
    events: list[tuple[int, ...]] = []
    traced = []

    def happen(count: int, call: int) -> None:
        for _ in range(count):
            events.append((len(instructions), 0, len(events), 0, call, EventKind.DebugPrinted))

    for call, (steps, behind) in enumerate(calls):
        begin = len(instructions)
        for before, count in steps:
            happen(before, call)
            index = len(instructions)
            instructions.append((0x1000 + index % 2, 10 * index, len(accesses), index % 2, count, 1, 0))
            accesses.extend((index, 0x8000 + number) for number in range(len(accesses), len(accesses) + count))
        happen(behind, call)
        traced.append(TracedCall(f"call {call}", (call,), "returned 0x0", begin, len(instructions)))
    table = np.zeros(len(accesses), ACCESS)
    table["instruction"], table["address"], table["size"] = (
        [row[0] for row in accesses],
        [row[1] for row in accesses],
        1,
    )
    return Whole(np.array(instructions, INSTRUCTION), table, np.array(events, EVENT), tuple(traced))


wholes = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=8), st.integers(0, 2)), max_size=4
).map(made)
"""Traces of no call and of calls without instructions among them."""


def joined(chunks: list[Chunk]) -> tuple[Table, Table, Table]:
    """Return the tables that chunks are pieces of, having checked that each begins where the last one ended."""
    instructions = events = accesses = 0
    for chunk in chunks:
        assert (chunk.first, chunk.first_event) == (instructions, events)
        assert (chunk.accesses["instruction"] >= chunk.first).all()
        assert (chunk.accesses["instruction"] < chunk.first + max(len(chunk.instructions), 1)).all()
        assert (chunk.events["instruction"] >= chunk.first).all()
        if chunk is not chunks[-1]:
            assert (chunk.events["instruction"] < chunk.first + len(chunk.instructions)).all()
        if len(chunk.instructions):
            assert chunk.instructions["first_access"][0] == accesses
        assert chunk.instructions["accesses"].sum() == len(chunk.accesses)
        instructions += len(chunk.instructions)
        accesses += len(chunk.accesses)
        events += len(chunk.events)
    return (
        np.concatenate([chunk.instructions for chunk in chunks]),
        np.concatenate([chunk.accesses for chunk in chunks]),
        np.concatenate([chunk.events for chunk in chunks]),
    )

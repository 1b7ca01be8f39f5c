# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces written down step by step: an instruction's bytes, and what it touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from emu.address import Gva
from emu.events import Event
from emu.trace import (
    ACCESS,
    EVENT,
    INSTRUCTION,
    AccessFlag,
    Chunk,
    Code,
    InstructionFlag,
    StoredSource,
    Trace,
    TracedBuffer,
    TracedCall,
    TracedModule,
)
from emu.trace.layout import event_row

MODULE: Final = 0xFFFF_F800_0000_0000


class Touch(NamedTuple):
    """An access: `("r", address, bytes)` or `("w", address, bytes)`."""

    kind: str
    address: int
    content: bytes


class Step(NamedTuple):
    """An instruction: its encoding as hex, its accesses, the events before it."""

    code: str
    touches: tuple[tuple[str, int, bytes], ...] = ()
    trapped: bool = False
    before: tuple[Event, ...] = ()
    offset: int | None = None
    """Where it lies in `made.sys!steps`; by default every encoding has a place of its own."""


def stepped(
    steps: Sequence[Step],
    *,
    base: int = MODULE,
    buffers: Sequence[TracedBuffer] = (),
    calls: Sequence[TracedCall] = (),
    behind: tuple[Event, ...] = (),
    symbol: str = "steps",
) -> Trace:
    """Return the trace of some steps; `behind` are the events at its end."""
    places: dict[tuple[str, int | None], int] = {}
    code: list[Code] = []
    instructions: list[tuple[int, ...]] = []
    accesses: list[tuple[int, ...]] = []
    happened: list[tuple[int, Event]] = [(len(steps), event) for event in behind]
    for index, step in enumerate(steps):
        happened.extend((index, event) for event in step.before)
        key = (step.code, step.offset)
        if key not in places:
            places[key] = len(code)
            offset = 0x10 * len(code) if step.offset is None else step.offset
            code.append(Code(Gva(base + offset), bytes.fromhex(step.code), "made.sys", symbol, offset, "", 0))
        number = places[key]
        entry = code[number]
        flags = InstructionFlag.TRAPPED if step.trapped else 0
        row = (entry.rip, index, len(accesses), number, len(step.touches), len(entry.bytes), flags)
        instructions.append(row)
        for touch in map(Touch._make, step.touches):
            low, high = (int.from_bytes(touch.content[at : at + 8], "little") for at in (0, 8))
            performed = AccessFlag.NOT_PERFORMED if step.trapped else 0
            accesses.append((index, touch.address, low, high, len(touch.content), "rw".index(touch.kind), performed))
    happened.sort(key=lambda pair: pair[0])
    table = np.zeros(len(accesses), ACCESS)
    for at, access in enumerate(accesses):
        table[at] = access
    return Trace(
        StoredSource(
            np.array(instructions, INSTRUCTION),
            table,
            np.array([event_row(event, instruction, 0) for instruction, event in happened], EVENT),
            code=code,
            calls=calls or (TracedCall("steps", (), "Returned 0x0", 0, len(instructions)),),
            modules=(TracedModule("made.sys", Gva(base), 0x1000, Gva(0)),),
            buffers=buffers,
            event_objects=[event for _, event in happened],
            explanations=[type(event).__name__ for _, event in happened],
        )
    )


class Sliced(Trace):
    """A trace that gives itself in pieces of a size, whatever is asked for."""

    def __init__(self, whole: Trace, size: int) -> None:
        super().__init__(whole._source)
        self._size = size

    def chunks(self, size: int = 0) -> Iterator[Chunk]:
        return super().chunks(self._size)

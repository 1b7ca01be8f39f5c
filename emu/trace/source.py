# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a trace comes from: a machine that recorded it, or a file. Both give it in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from emu.events import Event
from emu.image import Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule

Table: TypeAlias = "np.ndarray[Any, np.dtype[np.void]]"
"""A structured array of `emu.trace.layout`."""
Words: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"

CHUNK: int = 1 << 18
"""Instructions of a chunk, unless another number is asked for."""


class TraceError(ValueError):
    """A trace cannot do what is asked; the message says what can be done."""


class Chunk(NamedTuple):
    """A piece of a trace. Indices in it, `instruction` and `first_access`, are those of the whole trace."""

    first: int
    """Index of its first instruction."""
    instructions: Table
    accesses: Table
    """Those of its instructions."""
    events: Table
    """Those with `first <= instruction < first + len(instructions)`; the last chunk has those behind it, too."""
    first_event: int
    """Index of its first event."""


class TraceSource(Protocol):
    """What `Trace` asks for. What the properties hold is complete when the last chunk has been given; before that,
    they are for what the chunks given so far refer to."""

    @property
    def code(self) -> Sequence[Code]: ...

    @property
    def calls(self) -> Sequence[TracedCall]: ...

    @property
    def modules(self) -> Sequence[TracedModule]: ...

    @property
    def images(self) -> Sequence[Module]: ...

    @property
    def buffers(self) -> Sequence[TracedBuffer]: ...

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Give the whole trace, `size` instructions at a time; one empty chunk where there are none."""
        ...

    def event(self, index: int) -> Event:
        """Return an event whole."""
        ...

    def explain(self, index: int) -> str:
        """Return an event in words, in one line."""
        ...

    def registers(self, begin: int, end: int) -> Words:
        """Return the registers before each of a range of instructions, a row an instruction, see `Trace.registers`."""
        ...

    def state_at(self, index: int) -> MachineState:
        """Return the machine before an instruction; the index behind the last one is its end."""
        ...


class MachineState(Protocol):
    """The machine at one moment of a trace."""

    @property
    def registers(self) -> dict[str, int]:
        """The registers: rax to r15, rip, rflags, mxcsr, xmm0 to xmm15, and irql."""
        ...

    def read(self, address: int, size: int) -> bytes:
        """Read memory, user or kernel, through every page state. Raises `NotMapped`."""
        ...


def slices(instructions: Table, accesses: Table, events: Table, size: int) -> Iterator[Chunk]:
    """Cut the tables of a whole trace into chunks."""
    for first in range(0, max(len(instructions), 1), size):
        part = instructions[first : first + size]
        last = first + size >= len(instructions)
        begin, end = (0, 0) if not len(part) else (part["first_access"][0], len(accesses))
        if not last:
            end = instructions["first_access"][first + size]
        first_event = int(np.searchsorted(events["instruction"], first)) if first else 0
        behind = len(events) if last else int(np.searchsorted(events["instruction"], first + size))
        yield Chunk(first, part, accesses[int(begin) : int(end)], events[first_event:behind], first_event)


class StoredSource:
    """A trace that is all there: one that was read from a file, or made by hand."""

    def __init__(
        self,
        instructions: Table,
        accesses: Table,
        events: Table,
        *,
        code: Sequence[Code],
        calls: Sequence[TracedCall] = (),
        modules: Sequence[TracedModule] = (),
        buffers: Sequence[TracedBuffer] = (),
        event_objects: Sequence[Event] = (),
        explanations: Sequence[str] = (),
        name: str = "this trace",
    ) -> None:
        self._tables = instructions, accesses, events
        self.code = code
        self.calls = calls
        self.modules = modules
        self.images: Sequence[Module] = ()
        self.buffers = buffers
        self._event_objects = event_objects
        self._explanations = explanations
        self._name = name

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Give the tables in slices."""
        return slices(*self._tables, size)

    def event(self, index: int) -> Event:
        """Return an event whole."""
        return self._event_objects[index]

    def explain(self, index: int) -> str:
        """Return an event in words."""
        return self._explanations[index]

    def registers(self, begin: int, end: int) -> Words:
        """Registers are derived by running again, which takes the machine."""
        raise TraceError(
            f"{self._name} has no registers: they come from running again, so ask the trace as it was taken"
        )

    def state_at(self, index: int) -> MachineState:
        """The same holds for memory."""
        raise TraceError(f"{self._name} has no state: it comes from running again, so ask the trace as it was taken")

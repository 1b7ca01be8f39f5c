# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace of all calls of a test: it grows, and is asked between two calls or behind the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from emu.cpu.recorder import Filter
from emu.events import Event
from emu.image import Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.recorded import RecordedSource
from emu.trace.replay import Replay
from emu.trace.run_log import RunLog
from emu.trace.source import CHUNK, Chunk, MachineState, Words
from emu.trace.tables import Tables
from emu.trace.trace import Trace

if TYPE_CHECKING:
    from emu.testing.machines import LoggedMachine


class GrowingSource:
    """Gives what a log has in it at the moment."""

    def __init__(self, log: RunLog, spare: list[Replay]) -> None:
        self._log = log
        self._spare = spare
        self._source: RecordedSource | None = None
        self.runs = -1
        """How many runs there were when it was asked last."""

    def now(self) -> RecordedSource:
        """Return the source of what ran until now."""
        if self._source is None or self.runs != len(self._log.runs):
            self._source = RecordedSource(self._log.so_far(), Filter(), self._spare)
            self.runs = len(self._log.runs)
        return self._source

    @property
    def code(self) -> Sequence[Code]:
        """The code that ran."""
        return self.now().code

    @property
    def calls(self) -> Sequence[TracedCall]:
        """The calls that the host made."""
        return self.now().calls

    @property
    def modules(self) -> Sequence[TracedModule]:
        """The images that were loaded."""
        return self.now().modules

    @property
    def images(self) -> Sequence[Module]:
        """The same, with their symbols and source lines."""
        return self.now().images

    @property
    def buffers(self) -> Sequence[TracedBuffer]:
        """The buffers that were allocated."""
        return self.now().buffers

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Give what ran, `size` instructions at a time."""
        return self.now().chunks(size)

    def event(self, index: int) -> Event:
        """Return an event whole."""
        return self.now().event(index)

    def explain(self, index: int) -> str:
        """Return an event in words."""
        return self.now().explain(index)

    def registers(self, begin: int, end: int) -> Words:
        """Return the registers before each of a range of instructions."""
        return self.now().registers(begin, end)

    def state_at(self, index: int) -> MachineState:
        """Return the machine before an instruction."""
        return self.now().state_at(index)


class CallsTrace(Trace):
    """A trace of every call that a machine makes from now on to the end of the test."""

    def __init__(self, machine: LoggedMachine) -> None:
        self._growing = GrowingSource(machine.hold_log(), machine.replays)
        self._runs = -1
        super().__init__(self._growing)

    def _forget_what_was(self) -> None:
        self._growing.now()
        if self._runs != self._growing.runs:
            self._tables, self._runs = None, self._growing.runs

    def _whole(self) -> Tables:
        self._forget_what_was()
        return super()._whole()

    def chunks(self, size: int = CHUNK) -> Iterator[Chunk]:
        """Give what ran in pieces, see `Trace.chunks`."""
        self._forget_what_was()
        return super().chunks(size)

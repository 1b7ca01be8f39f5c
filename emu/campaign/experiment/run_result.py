# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from emu.address import Gva
from emu.campaign.experiment.argument import HalfName
from emu.campaign.experiment.page_row import PageRow
from emu.campaign.experiment.result import BufferRange
from emu.events import Event
from emu.kernel.explanation import Explanation
from emu.kernel.pool import PoolBlock
from emu.outcome import Outcome, Returned
from emu.profile import Profile

if TYPE_CHECKING:
    from emu.campaign.experiment.call_experiment import CallExperiment


class ArgumentMemory(NamedTuple):
    """A memory argument, before the call and after it."""

    name: str
    half: HalfName
    address: Gva
    before: bytes
    after: bytes


class OutstandingBlock(NamedTuple):
    """A pool block that was not freed, and which code allocated it."""

    block: PoolBlock
    allocated_from: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """How the call ended, and everything that there is to see of it."""

    call: CallExperiment
    values: tuple[int, ...]
    """What the routine was given."""
    outcome: Outcome
    explanation: Explanation
    memory: tuple[ArgumentMemory, ...]
    pages: tuple[PageRow, ...]
    notes: tuple[str, ...]
    """What a reader may not expect of the faults."""
    debug_output: str
    outstanding: tuple[OutstandingBlock, ...]

    @property
    def returned(self) -> bool:
        """Whether the call returned."""
        return isinstance(self.outcome, Returned)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order."""
        return self.outcome.dispatch.events

    @property
    def profile(self) -> Profile:
        """The machine's profile."""
        return self.call.profile

    @property
    def images(self) -> tuple[str, ...]:
        """The files that were built and loaded."""
        return self.call.images

    @property
    def buffers(self) -> tuple[BufferRange, ...]:
        """The memory arguments."""
        return tuple(BufferRange(each.name, each.address, len(each.before)) for each in self.memory)

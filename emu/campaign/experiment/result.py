# SPDX-License-Identifier: GPL-2.0-or-later
"""What a copy experiment gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from emu.address import Gva
from emu.campaign.experiment.landing import Landing
from emu.campaign.experiment.page_row import PageRow
from emu.campaign.experiment.placement import SOURCE, flipped_bits
from emu.events import Event, ExceptionRaised
from emu.kernel.explanation import Explanation
from emu.outcome import Outcome, Returned
from emu.profile import Profile

if TYPE_CHECKING:
    from emu.campaign.experiment.copy_experiment import CopyExperiment


class BufferRange(NamedTuple):
    """Where a buffer of the call lies."""

    name: str
    address: Gva
    length: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """How a copy ended, and everything that there is to see of it."""

    experiment: CopyExperiment
    outcome: Outcome
    explanation: Explanation
    """Names the addresses of this run."""
    source_address: Gva
    target_address: Gva
    content: bytes
    """What the source held before the call."""
    source: bytes
    """What it holds afterwards."""
    target: bytes
    """What the target holds afterwards."""
    landing: Landing
    pages: tuple[PageRow, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order."""
        return self.outcome.dispatch.events

    @property
    def profile(self) -> Profile:
        """The machine's profile."""
        return self.experiment.profile

    @property
    def images(self) -> tuple[str, ...]:
        """The files that were built and loaded."""
        return self.experiment.images

    @property
    def buffers(self) -> tuple[BufferRange, ...]:
        """The source and the target."""
        length = len(self.content)
        return BufferRange("source", self.source_address, length), BufferRange("target", self.target_address, length)

    @property
    def source_written(self) -> bool:
        """Whether the source holds something else than before, what its faults flip left out."""
        flips = flipped_bits(self.experiment.faults, SOURCE)
        return any(
            was != now and now != was ^ flips.get(at, 0)
            for at, (was, now) in enumerate(zip(self.content, self.source, strict=True))
        )

    @property
    def clean(self) -> bool:
        """Whether the routine returned and left the memory as its contract wants it.

        Every byte landed, unless an exception was handled on the way; nothing else was written.
        """
        handled = any(isinstance(event, ExceptionRaised) for event in self.events)
        return (
            isinstance(self.outcome, Returned)
            and (self.landing.complete or handled)
            and not self.landing.count("wrong")
            and not self.landing.damage
            and not self.source_written
        )

    def place_of(self, address: int) -> tuple[str, int] | None:
        """Return the buffer, "source" or "target", and the byte of it that an address is; None outside of both."""
        for name, start, length in self.buffers:
            if start <= address < start + length:
                return name, address - start
        return None

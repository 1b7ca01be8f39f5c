# SPDX-License-Identifier: GPL-2.0-or-later
"""What the display and JSON need of any call: of a copy, and of `emu run`."""

from __future__ import annotations

from typing import Protocol

from emu.campaign import BufferRange, PageRow
from emu.events import Event
from emu.kernel.explanation import Explanation
from emu.outcome import Outcome
from emu.profile import Profile


class CallResult(Protocol):
    """A call that was made, and the names of its buffers."""

    @property
    def outcome(self) -> Outcome:
        """How it ended."""

    @property
    def explanation(self) -> Explanation:
        """Names the addresses of this run."""

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order."""

    @property
    def profile(self) -> Profile:
        """The machine's."""

    @property
    def images(self) -> tuple[str, ...]:
        """The files that were built and loaded."""

    @property
    def buffers(self) -> tuple[BufferRange, ...]:
        """The buffers that the call was given."""

    @property
    def pages(self) -> tuple[PageRow, ...]:
        """Their pages, before the call and after it."""


def place_of(result: CallResult, address: int) -> tuple[str, int] | None:
    """Return the buffer and the byte of it that an address is; None outside of all."""
    for name, start, length in result.buffers:
        if start <= address < start + length:
            return name, address - start
    return None

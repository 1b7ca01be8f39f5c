# SPDX-License-Identifier: GPL-2.0-or-later
"""What a copy left behind: all that a judge has to go by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from emu.address import Gva
from emu.campaign.plan.case import CopyCase
from emu.events import Event
from emu.outcome import Outcome


class ProcessorNote(NamedTuple):
    """The registers that a call must give back, before it and after it."""

    gpr: tuple[int, ...]
    """Sixteen, in hardware order."""
    rflags: int
    mxcsr: int
    xmm: bytes
    """256 bytes."""
    irql: int


class Observation(NamedTuple):
    """One copy of a campaign, run."""

    case: CopyCase
    outcome: Outcome
    events: Sequence[Event]
    content: bytes
    """What the source held before the call."""
    source: bytes
    """What it holds afterwards."""
    region: bytes
    """The target afterwards, between two red zones (emu/campaign/experiment/landing.py)."""
    source_address: Gva
    target_address: Gva
    before: ProcessorNote
    after: ProcessorNote
    pages_written: tuple[Gva, ...]
    """Pages that the call has written to, but for the target's, the red zones' and the stack's."""
    locate: Callable[[Gva], str] = hex
    """Names an address of code: `my_copy.sys!my_copy+0x1f`."""

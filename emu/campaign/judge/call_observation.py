# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call left behind: all that a judge of what-if sweeps has to go by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from emu.address import Gva
from emu.campaign.judge.observation import ProcessorNote
from emu.events import Event
from emu.faults import Fault
from emu.kernel.apc_disable import ApcDisable
from emu.kernel.pool import PoolBlock
from emu.outcome import Outcome


class BlockNote(NamedTuple):
    """A pool block that is not freed."""

    block: PoolBlock
    content: bytes
    referenced: bool
    """Whether a pointer into it is left in an argument, the returned value, another such block or the images' data."""


class ArgumentNote(NamedTuple):
    """A memory argument."""

    address: Gva
    content: bytes
    """Afterwards."""


class CallObservation(NamedTuple):
    """One call of a what-if sweep, made."""

    faults: tuple[Fault, ...]
    pages: tuple[Gva | None, ...]
    """Of each fault the page that it fails; None for an allocation."""
    outcome: Outcome
    events: Sequence[Event]
    arguments: Mapping[str, ArgumentNote]
    """The memory arguments by name."""
    blocks: tuple[BlockNote, ...]
    """Oldest first."""
    before: ProcessorNote
    after: ProcessorNote
    apcs_before: ApcDisable
    apcs_after: ApcDisable
    locate: Callable[[Gva], str] = hex
    """Names an instruction."""
    locate_call: Callable[[Gva], str] = hex
    """Names a call by its return address."""

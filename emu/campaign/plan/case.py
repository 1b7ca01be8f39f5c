# SPDX-License-Identifier: GPL-2.0-or-later
"""One experiment of a campaign, as lean as a million of them want it."""

from __future__ import annotations

from typing import NamedTuple

from emu.faults import Fault
from emu.profile import Profile


class CopyCase(NamedTuple):
    """What distinguishes one copy from the others of its campaign."""

    length: int
    source_offset: int
    target_offset: int
    faults: tuple[Fault, ...]
    profile: Profile
    irql: int = 0

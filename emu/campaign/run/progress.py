# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a campaign has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from emu.campaign.judge.verdict import VerdictClass


class Progress(NamedTuple):
    """What is recorded of a campaign."""

    done: int
    total: int
    counts: Mapping[VerdictClass, int]
    """Of all that is done; all classes are there."""
    fresh: int
    """How many of those this run did."""
    seconds: float
    """Since this run began."""

    @property
    def rate(self) -> float:
        """Experiments a second of this run; 0 before the first."""
        return self.fresh / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """What the rest takes at that rate; None before the first."""
        return (self.total - self.done) / self.rate if self.rate else None


ProgressReport: TypeAlias = Callable[[Progress], None]

# SPDX-License-Identifier: GPL-2.0-or-later
"""What `emu trace` has to show: a trace, the call that it is of, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from emu.campaign.experiment.run_result import RunResult
from emu.cli.checks import CallChecks
from emu.cli.copy_pairs import FoundCopies, find_copies
from emu.cli.trace_files import WrittenFile
from emu.cli.watched_trace import WatchedTrace
from emu.trace.profile import TraceProfile, profile


class TraceSummary(NamedTuple):
    """What a trace comes to."""

    copies: FoundCopies
    profile: TraceProfile

    @classmethod
    def of(cls, trace: WatchedTrace) -> TraceSummary:
        """Sum a trace up."""
        return cls(find_copies(trace), profile(trace))


@dataclass(slots=True)
class TraceReport:
    """A trace and what was asked of it."""

    trace: WatchedTrace
    run: RunResult | None
    """The call, None for a trace from a file."""
    source: str | None
    """That file."""
    own: tuple[str, ...] = ()
    """The modules that were built or loaded for the call."""
    files: list[WrittenFile] = field(default_factory=list)
    summary: TraceSummary | None = None
    checks: CallChecks | None = None
    """Those of the call, None for a trace from a file."""

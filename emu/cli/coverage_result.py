# SPDX-License-Identifier: GPL-2.0-or-later
"""What `emu coverage` has to show."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.campaign.experiment.run_result import RunResult
from emu.cli.trace_files import WrittenFile
from emu.trace.coverage import Coverage, FileCoverage
from emu.trace.module_coverage import TryBlockCoverage
from emu.trace.scope_coverage import TryPart


@dataclass(slots=True)
class CoverageReport:
    """What was reached, the call if one was made, and the files that were written."""

    covered: Coverage
    run: RunResult | None
    is_chosen: bool
    """Whether its modules are the user's own, or were asked for; else they are all, the kernel among them."""
    files: list[WrittenFile] = field(default_factory=list)


def missed_lines(file: FileCoverage) -> list[tuple[int, int]]:
    """Return the lines that were not reached, as (first, last); lines without code between two of them count with them.

    A line that was reached ends a run.
    """
    runs: list[tuple[int, int]] = []
    goes_on = False
    for line, hits in sorted(file.lines.items()):
        if hits:
            goes_on = False
        elif goes_on:
            runs[-1] = runs[-1][0], line
        else:
            runs.append((line, line))
            goes_on = True
    return runs


def missed_parts(block: TryBlockCoverage) -> list[TryPart]:
    """Return the parts of a `__try` block that were not reached; of one that was not entered, all."""
    return [part for part in block.block.parts if not block.counts.of(part)]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage as JSON: `emu coverage --json`.

outcome  as of `emu run`; null where there was no call
modules  [{name, instructions: how many different ones were reached, is_whole: whether what was not reached is known}]
sources  [{file
           lines {line: how often it ran}
           functions [{name, line, hits, reached}]
           try_blocks [{function, line, parts {body, accepted, refused, except, normal, abnormal: how often each
                        that the block has was reached}}]}]
files    [{path, format, bytes}]: what was written
"""

from __future__ import annotations

from typing import Any

from emu.cli.call_data import outcome_data
from emu.cli.coverage_result import CoverageReport
from emu.cli.run_display import run_summary
from emu.cli.trace_data import files_data
from emu.trace.coverage import FileCoverage


def coverage_data(report: CoverageReport) -> dict[str, Any]:
    """Return everything that the display shows."""
    run = report.run
    return {
        "outcome": None if run is None else {**outcome_data(run), "text": run_summary(run)},
        "modules": [
            {"name": each.name, "instructions": len(each.instructions), "is_whole": each.image is not None}
            for each in report.covered.modules
        ],
        "sources": [_source(file) for file in report.covered.files],
        "files": files_data(report.files),
    }


def _source(file: FileCoverage) -> dict[str, Any]:
    return {
        "file": file.file,
        "lines": {str(line): hits for line, hits in file.lines.items()},
        "functions": [
            {"name": each.name, "line": each.line, "hits": each.hits, "reached": each.reached}
            for each in file.functions
        ],
        "try_blocks": [
            {
                "function": each.function,
                "line": each.line,
                "parts": {part.name.lower(): each.counts.of(part) for part in each.block.parts},
            }
            for each in file.try_blocks
        ],
    }

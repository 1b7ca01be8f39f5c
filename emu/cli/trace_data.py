# SPDX-License-Identifier: GPL-2.0-or-later
"""A trace as JSON: `emu trace --json`.

What `emu run --json` has, see emu/cli/run_data.py, unless the trace is from a file, and:

    trace    {from: the file, or null
              instructions, accesses, events: how many
              calls [{function, arguments, outcome, instructions}]
              files [{path, format, bytes: its size}]: what was written
              summary: null without --summary, else {
                  copies [{source, target: {buffer: its name or null, address, size}
                           reads [how often each byte of the source was read], writes [of the target, written]}]
                  symbols, lines, mnemonics [{name, instructions, trapped, read_user, read_kernel, written_user,
                                              written_kernel}]}}

The instructions themselves are in a file: `-o x.jsonl`.

With `--diff`: {first, second: the files, equal, at: index of the first instruction that differs, what: what of it, see
`emu.trace.divergence`, text: the difference to be read}; the last three are null where the traces are equal.
"""

from __future__ import annotations

from typing import Any

from emu.cli.call_data import hexadecimal
from emu.cli.trace_files import WrittenFile
from emu.cli.trace_result import TraceReport, TraceSummary
from emu.trace import Trace
from emu.trace.copy_map import CopyMap
from emu.trace.diff import TraceDiff
from emu.trace.extent import Extent


def trace_data(report: TraceReport) -> dict[str, Any]:
    """Return everything but the listing."""
    data: dict[str, Any] = {}
    if report.run is not None:
        from emu.cli.run_data import run_data  # noqa: PLC0415 (it brings the display along)

        data = run_data(report.run)
    if report.checks is not None:
        data |= report.checks.data()
    summary = report.summary
    data["trace"] = {
        "from": report.source,
        **report.trace.counts._asdict(),
        "calls": [
            {
                "function": call.function,
                "arguments": [hexadecimal(argument) for argument in call.arguments],
                "outcome": call.outcome,
                "instructions": call.end - call.begin,
            }
            for call in report.trace.calls
        ],
        "files": files_data(report.files),
        "summary": None if summary is None else _summary_data(summary, report.trace),
    }
    return data


def diff_data(first: str, second: str, found: TraceDiff | None) -> dict[str, Any]:
    """Return how two trace files differ."""
    return {
        "first": first,
        "second": second,
        "equal": found is None,
        "at": None if found is None else found.divergence.at,
        "what": None if found is None else found.divergence.what,
        "text": None if found is None else str(found),
    }


def files_data(files: list[WrittenFile]) -> list[dict[str, Any]]:
    """Return the files that were written."""
    return [{"path": file.path, "format": file.format.name, "bytes": file.size} for file in files]


def _summary_data(summary: TraceSummary, trace: Trace) -> dict[str, Any]:
    profile = summary.profile
    return {
        "copies": [_copy_data(copied, trace) for copied in summary.copies.maps],
        "symbols": [row._asdict() for row in profile.symbols],
        "lines": [row._asdict() for row in profile.lines],
        "mnemonics": [row._asdict() for row in profile.mnemonics],
    }


def _copy_data(copied: CopyMap, trace: Trace) -> dict[str, Any]:
    return {
        "source": _extent_data(copied.source, trace),
        "target": _extent_data(copied.target, trace),
        "reads": copied.source_bytes["reads"].tolist(),
        "writes": copied.target_bytes["writes"].tolist(),
    }


def _extent_data(extent: Extent, trace: Trace) -> dict[str, Any]:
    name = next((buffer.name for buffer in trace.buffers if buffer.address == extent.begin), None)
    return {"buffer": name, "address": hexadecimal(extent.begin), "size": extent.size}

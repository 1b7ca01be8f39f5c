# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of a trace: its listing or its summary, the files that were written, and how the call ended."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emu.cli.output import make_console, show, write_lines
from emu.cli.profile_table import profile_tables
from emu.cli.run_display import circumstances, heading, outcome_sections
from emu.cli.sections import section
from emu.cli.trace_files import Listed, WrittenFile
from emu.cli.trace_result import TraceReport, TraceSummary
from emu.cli.watched_trace import TraceCounts
from emu.cli.words import plural
from emu.trace.listing import listing


def show_trace(report: TraceReport, listed: Listed | None, *, follow: bool) -> None:
    """Print it; the listing as it is made, in bounded memory."""
    console = make_console()
    show(console, *_heading(report))
    if listed is not None:
        lines = listing(report.trace, **listed._asdict(), color=has_colors(console))
        write_lines(itertools.chain(("",), lines), flush_each=follow)
    show(make_console(), *_behind(report))


def has_colors(console: Console) -> bool:
    """Tell whether SGR sequences are welcome on standard output."""
    return console.color_system is not None and not console.no_color


def _heading(report: TraceReport) -> Iterator[RenderableType]:
    if report.run is None:
        yield Text(report.source or "", "bold")
        return
    yield Text(heading(report.run), "bold")
    yield Text(circumstances(report.run), "dim")
    for note in report.run.notes:
        yield Text(f"note: {note}", "yellow")


def _behind(report: TraceReport) -> Iterator[RenderableType]:
    if report.summary is not None:
        yield from _summary(report.summary)
    if report.files:
        yield section("Files", "", files_table(report.files))
    counts = Text(describe_counts(report.trace.counts), "dim")
    if report.run is None:
        yield section("Trace", "", counts)
    else:
        yield from outcome_sections(report.run, counts)
    if report.checks is not None:
        yield from report.checks.sections()


def describe_counts(counts: TraceCounts) -> str:
    """Return how long a trace is."""
    return ", ".join(
        (
            plural(counts.instructions, "instruction"),
            f"{counts.accesses:,} access{'' if counts.accesses == 1 else 'es'}",
            plural(counts.events, "event"),
        )
    )


def files_table(files: Sequence[WrittenFile]) -> Table:
    """Return the files that were written."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for file in files:
        table.add_row(Text(file.path, "cyan"), plural(file.size, "byte"), Text(file.format.what, "dim"))
    return table


def _summary(summary: TraceSummary) -> Iterator[RenderableType]:
    copies = summary.copies
    for copied in copies.maps:
        yield section("Copy", "", *(_hanging(line) for line in str(copied).splitlines()))
    if copies.left_out:
        pairs = plural(copies.left_out, "pair")
        yield Text(f"\n⋮ {pairs} of buffers not looked at; in Python trace.copy_map(source, target) does", "dim")
    yield section("Profile", "", *profile_tables(summary.profile))


def _hanging(line: str) -> RenderableType:
    """Return a line that stays indented where it is too long for one."""
    text = line.lstrip()
    return Padding(Text(text), (0, 0, 0, len(line) - len(text)))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of coverage: a row a source file, and what of each was not reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.cli.coverage_result import CoverageReport, missed_lines, missed_parts
from emu.cli.run_display import circumstances, heading, outcome_sections
from emu.cli.sections import section
from emu.cli.trace_display import files_table
from emu.cli.words import plural
from emu.trace.coverage import FileCoverage
from emu.trace.module_coverage import TryBlockCoverage
from emu.trace.scope_coverage import TryPart

_PARTS: Final = {
    TryPart.BODY: "its body",
    TryPart.ACCEPTED: "a filter that accepts",
    TryPart.REFUSED: "a filter that refuses",
    TryPart.EXCEPT: "its __except",
    TryPart.NORMAL: "its __finally at the end of the body",
    TryPart.ABNORMAL: "its __finally in an unwind",
}

FUNCTIONS_SHOWN: Final = 12
"""Of those of a file that were not reached: the kernel image has hundreds of stubs."""


def display_coverage(report: CoverageReport) -> Iterator[RenderableType]:
    """Return what `emu coverage` prints, part by part."""
    if report.run is not None:
        yield Text(heading(report.run), "bold")
        yield Text(circumstances(report.run), "dim")
    yield section("Reached", "", *_reached(report))
    for file in report.covered.files:
        missed = list(_missed(file))
        if missed and _is_reached(file):
            yield section(f"Not reached of {file.file}", "", *missed)
    if report.files:
        yield section("Files", "", files_table(report.files))
    if report.run is not None:
        yield from outcome_sections(report.run)


def _is_reached(file: FileCoverage) -> bool:
    return any(file.lines.values())


def _reached(report: CoverageReport) -> Iterator[RenderableType]:
    files = [file for file in report.covered.files if report.is_chosen or _is_reached(file)]
    yield _table(files) if files else Text("no source lines are known of what ran", "dim")
    if left_out := len(report.covered.files) - len(files):
        yield Text(f"⋮ {plural(left_out, 'file')} more, of which nothing ran", "dim")
    unknown = [module.name for module in report.covered.modules if module.image is None and module.instructions]
    if unknown:
        yield Text(
            f"of {', '.join(unknown)} only what ran is known: a trace file has no images; --image adds one", "dim"
        )


def _table(files: list[FileCoverage]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("file", overflow="fold")
    for title in ("lines", "", "functions", "__try parts"):
        table.add_column(title, justify="right")
    for file in files:
        hit = sum(map(bool, file.lines.values()))
        parts = [each.counts.of(part) for each in file.try_blocks for part in each.block.parts]
        colour = "green" if hit == len(file.lines) else "yellow" if hit else "dim"
        table.add_row(
            Text(file.file, "cyan" if hit else "dim"),
            Text(f"{hit} of {len(file.lines)}", colour),
            Text(f"{hit / len(file.lines):.0%}", colour),
            _share([each.reached for each in file.functions]),
            _share(parts),
        )
    return table


def _share(reached: list[bool] | list[int]) -> Text:
    count = sum(map(bool, reached))
    if not reached:
        return Text("")
    return Text(f"{count} of {len(reached)}", "green" if count == len(reached) else "yellow" if count else "dim")


def _missed(file: FileCoverage) -> Iterator[RenderableType]:
    lines = missed_lines(file)
    if lines:
        spans = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in lines)
        yield Text.assemble(("lines ", "dim"), spans)
    functions = [each.name for each in file.functions if not each.reached and each.is_named]
    if functions:
        more = len(functions) - FUNCTIONS_SHOWN
        names = functions[:FUNCTIONS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        yield Text.assemble(("functions ", "dim"), ", ".join(names))
    for block in file.try_blocks:
        parts = missed_parts(block)
        if parts:
            yield _block(file, block, parts)


def _block(file: FileCoverage, block: TryBlockCoverage, parts: list[TryPart]) -> Text:
    kind = "__try/__finally" if block.block.is_finally else "__try/__except"
    missing = "all of it" if not block.counts.entered else ", ".join(_PARTS[part] for part in parts)
    return Text.assemble((f"{file.file}:{block.line}", "cyan"), f" {kind} of {block.function}: ", (missing, "yellow"))

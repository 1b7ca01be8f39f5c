# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu coverage`: from options to what runs reached, and that to the terminal or into files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from emu.cli.call_options import given_call_options
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import show_json, write
from emu.cli.run import RunOptions, call_of
from emu.cli.run_display import run_summary
from emu.cli.trace_call import TracedRun, run_traced
from emu.cli.trace_files import write_coverage
from emu.cli.trace_formats import COVERAGE_FORMATS, parse_outputs
from emu.cli.whole_file import STANDARD_OUTPUT
from emu.trace import TraceError, load
from emu.trace.coverage import Coverage, FileCoverage


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """The options of `emu coverage`, as given; None: left out."""

    routine: str | None
    arguments: tuple[str, ...]
    faults: tuple[str, ...]
    profile: str
    irql: int
    images: tuple[str, ...]
    budget: int | None
    stubs: tuple[str, ...]
    unguarded: bool
    sources: tuple[str, ...]
    modules: tuple[str, ...]
    outputs: tuple[str, ...]
    format_name: str | None

    def call(self) -> RunOptions | None:
        """Return the options of the call, None where there are traces alone. Raises `Mistake` where neither is."""
        if self.routine is None:
            if not self.sources:
                raise Mistake("name the routine to call, or a trace with --from FILE.trace")
            given = ["--image"] if self.images else given_call_options(self)
            if given:
                raise Mistake(f"there is no call that {given[0]} could be about; name a routine")
            return None
        return RunOptions(
            self.routine,
            self.arguments,
            self.faults,
            self.profile,
            self.irql,
            self.images,
            self.budget,
            self.stubs,
            self.unguarded,
        )


def run_coverage(options: CoverageOptions, *, as_json: bool) -> int:
    """Run `emu coverage`; returns the exit status."""
    try:
        with mistakes_reported():
            outputs = parse_outputs(options.outputs, options.format_name, COVERAGE_FORMATS)
            call = options.call()
            taken = None if call is None else run_traced(call_of(call))
            covered = _select(options, taken, _cover(options, taken))
            files = [write_coverage(covered, output, options.images) for output in outputs]
            if as_json:
                written = [{"path": each.path, "format": each.format.name, "bytes": each.size} for each in files]
                show_json({"files": [_data(each) for each in covered.files], "written": written})
            elif all(output.name != STANDARD_OUTPUT for output in outputs):
                write("\n".join(_lines(covered)) + "\n")
                if taken is not None:
                    write(f"\n{run_summary(taken.run)}\n")
    except TraceError as error:
        raise Mistake(str(error)) from error
    return 0 if taken is None or taken.run.returned else 1


def _cover(options: CoverageOptions, taken: TracedRun | None) -> Coverage:
    covered = Coverage() if taken is None else taken.trace.coverage()
    for name in options.sources:
        covered |= load(name).coverage()
    return covered


def _select(options: CoverageOptions, taken: TracedRun | None, covered: Coverage) -> Coverage:
    """Leave the modules that were asked for, or the user's own. Raises `Mistake` for one that is not there."""
    names = options.modules or (tuple(module.name for module in taken.own) if taken is not None else ())
    known = [module.name for module in covered.modules]
    for name in names:
        if name not in known and options.modules:
            raise Mistake(f"--module {name}: no such module; there are {', '.join(known)}")
    return covered.only(*names) if names else covered


def _lines(covered: Coverage) -> Iterator[str]:
    yield str(covered)
    for file in covered.files:
        missed = [line for line, count in sorted(file.lines.items()) if not count]
        functions = [each.name for each in file.functions if not each.reached]
        if missed or functions:
            yield ""
            reached = len(file.lines) - len(missed)
            yield f"{file.file}: {reached} of {len(file.lines)} lines"
        if missed:
            yield f"  lines not reached: {_runs(missed)}"
        if functions:
            yield f"  functions not reached: {', '.join(functions)}"


def _runs(lines: list[int]) -> str:
    """Return line numbers as runs: `3, 7-9`."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(f"{begin}-{end}" if end > begin else str(begin) for begin, end in runs)


def _data(file: FileCoverage) -> dict[str, Any]:
    return {
        "file": PurePath(file.file).as_posix(),
        "lines": {str(line): count for line, count in sorted(file.lines.items())},
        "functions": [{"name": each.name, "reached": bool(each.reached)} for each in file.functions],
        "try_blocks": [
            {"line": each.line, "parts": {part.name.lower(): each.counts.of(part) for part in each.block.parts}}
            for each in file.try_blocks
        ],
    }

# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu coverage`: from options to what runs reached, and that to the terminal or into files."""

from __future__ import annotations

from dataclasses import dataclass

from emu.cli.call_options import given_call_options
from emu.cli.coverage_result import CoverageReport
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json
from emu.cli.run import RunOptions, call_of
from emu.cli.trace import trace_mistakes_reported
from emu.cli.trace_call import run_traced
from emu.cli.trace_files import write_coverage
from emu.cli.trace_formats import COVERAGE_FORMATS, Output, parse_outputs
from emu.cli.traced_images import images_of
from emu.cli.whole_file import STANDARD_OUTPUT
from emu.trace import load
from emu.trace.coverage import Coverage, coverage


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """The options of `emu coverage`, as given; None: left out."""

    routine: str | None
    arguments: tuple[str, ...]
    images: tuple[str, ...]
    faults: tuple[str, ...]
    stubs: tuple[str, ...]
    profile: str
    irql: int
    unguarded: bool
    budget: int | None
    sources: tuple[str, ...]
    modules: tuple[str, ...]
    outputs: tuple[str, ...]
    format_name: str | None

    @property
    def call(self) -> RunOptions:
        """What is about the call."""
        names = ("arguments", "faults", "profile", "irql", "images", "budget", "stubs", "unguarded")
        return RunOptions(routine=self.routine or "", **{name: getattr(self, name) for name in names})


def run_coverage(options: CoverageOptions, *, as_json: bool) -> int:
    """Run `emu coverage`; returns the exit status."""
    with mistakes_reported(), trace_mistakes_reported():
        outputs = parse_outputs(options.outputs, options.format_name, COVERAGE_FORMATS)
        if as_json and any(output.name == STANDARD_OUTPUT for output in outputs):
            raise Mistake("--json and -o - both write to standard output; give one of them")
        if options.routine is None:
            _check_without_call(options)
        report = _measure(options)
        report.files += [write_coverage(report.covered, output, options.images) for output in outputs]
        _show(report, outputs, as_json)
    return 0 if report.run is None or report.run.returned else 1


def _check_without_call(options: CoverageOptions) -> None:
    if not options.sources:
        raise Mistake(
            "give a routine to call, as in emu coverage CopyFromUser kernel:64 user:64 64; or --from FILE.trace"
        )
    if given := given_call_options(options):
        raise Mistake(f"{given[0]} is about a call, and there is none; give a routine")


def _measure(options: CoverageOptions) -> CoverageReport:
    covered, run, own = Coverage(), None, []
    if options.routine is not None:
        traced = run_traced(call_of(options.call))
        covered, run = coverage(traced.trace, traced.trace.images), traced.run
        own += [module.name for module in traced.own]
    for source in options.sources:
        trace = load(source)
        images = images_of(trace, source, options.images)
        covered |= coverage(trace, images)
        own += [image.name for image in images]
    return CoverageReport(_selected(covered, options.modules, own), run, bool(options.modules or own))


def _selected(covered: Coverage, wanted: tuple[str, ...], own: list[str]) -> Coverage:
    """Return the coverage of the modules that were asked for, by default of the user's own, without one of all."""
    known = [module.name for module in covered.modules]
    for name in wanted:
        if name not in known:
            raise Mistake(f"--module {name}: there is no such module; there are {', '.join(known)}")
    names = wanted or own
    return covered.only(*names) if names else covered


def _show(report: CoverageReport, outputs: tuple[Output, ...], as_json: bool) -> None:
    if as_json:
        from emu.cli.coverage_data import coverage_data  # noqa: PLC0415 (one of the two is needed)

        show_json(coverage_data(report))
    elif all(output.name != STANDARD_OUTPUT for output in outputs):
        from emu.cli.coverage_display import display_coverage  # noqa: PLC0415

        show(make_console(), *display_coverage(report))

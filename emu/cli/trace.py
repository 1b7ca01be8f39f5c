# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu trace`: from options to a traced call or a trace file, and what is asked of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emu.campaign.experiment.call_replay_id import format_call_id
from emu.cli.call_options import given_call_options
from emu.cli.checks import CallChecks
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import show_json, write
from emu.cli.run import RunOptions, call_of
from emu.cli.trace_call import TraceFilter, run_traced
from emu.cli.trace_files import Listed, write_trace
from emu.cli.trace_formats import TEXT, TRACE_FORMATS, Output, parse_outputs
from emu.cli.trace_result import TraceReport, TraceSummary
from emu.cli.watched_trace import WatchedTrace, progress_shown
from emu.cli.whole_file import STANDARD_OUTPUT
from emu.trace import TraceError, load

_RANGE: Final = re.compile(r"([0-9]{0,18}):([0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """The options of `emu trace`, as given; None: left out."""

    routine: str | None
    arguments: tuple[str, ...]
    images: tuple[str, ...]
    faults: tuple[str, ...]
    stubs: tuple[str, ...]
    profile: str
    irql: int
    unguarded: bool
    budget: int | None
    only: tuple[str, ...]
    begin: str | None
    end: str | None
    user_only: bool
    last: int | None
    outputs: tuple[str, ...]
    format_name: str | None
    listed: str | None
    no_fold: bool
    summary: bool
    follow: bool
    source: str | None
    diff: tuple[str, str] | None
    checks: str | None = None

    @property
    def call(self) -> RunOptions:
        """What is about the call."""
        names = ("arguments", "faults", "profile", "irql", "images", "budget", "stubs", "unguarded")
        return RunOptions(routine=self.routine or "", **{name: getattr(self, name) for name in names})

    @property
    def selected(self) -> TraceFilter:
        """What is left out of the trace."""
        return TraceFilter(self.only, self.begin, self.end, self.user_only, self.last)


def run_trace(options: TraceOptions, *, as_json: bool) -> int:
    """Run `emu trace`; returns the exit status."""
    with mistakes_reported(), trace_mistakes_reported():
        _check_what_is_traced(options)
        if options.diff is not None:
            return _diff(*options.diff, as_json)
        outputs = parse_outputs(options.outputs, options.format_name, TRACE_FORMATS)
        listed = _listed(options, outputs, as_json)
        if options.source is not None:
            report = TraceReport(WatchedTrace(load(options.source)), None, options.source)
        else:
            call = call_of(options.call)
            checks = CallChecks(options.checks, format_call_id(call))
            traced = run_traced(call, options.selected, checks)
            own = tuple(module.name for module in traced.own)
            report = TraceReport(WatchedTrace(traced.trace), traced.run, None, own, checks=checks)
        return _report(report, options, outputs, listed, as_json)


@contextlib.contextmanager
def trace_mistakes_reported() -> Iterator[None]:
    """Turn what traces raise for a user's mistake into a `Mistake`."""
    try:
        yield
    except TraceError as error:
        raise Mistake(str(error)) from error


def _check_what_is_traced(options: TraceOptions) -> None:
    if options.diff is not None:
        given = [*_about_a_call(options), *_about_showing(options), *(["--from"] if options.source is not None else [])]
        if given:
            raise Mistake(f"--diff compares two files and nothing else; leave {given[0]} out")
    elif options.source is not None:
        if given := _about_a_call(options):
            raise Mistake(f"--from shows a trace that was taken before; leave {given[0]} out, or --from")
    elif options.routine is None:
        raise Mistake("give a routine to call, as in emu trace CopyFromUser kernel:64 user:64 64; or --from, or --diff")


def _about_a_call(options: TraceOptions) -> list[str]:
    """Return the options that were given about a call and what is left out of its trace."""
    routine = [] if options.routine is None else [f"routine {options.routine}"]
    left_out: dict[str, object] = {
        "--image": options.images,
        "--only": options.only,
        "--begin": options.begin is not None,
        "--end": options.end is not None,
        "--user-only": options.user_only,
        "--last": options.last is not None,
        "--checks": options.checks is not None,
    }
    return [*routine, *(name for name, value in left_out.items() if value), *given_call_options(options)]


def _about_showing(options: TraceOptions) -> list[str]:
    given: dict[str, object] = {
        "-o": options.outputs,
        "--format": options.format_name is not None,
        "--range": options.listed is not None,
        "--no-fold": options.no_fold,
        "--summary": options.summary,
        "--follow": options.follow,
    }
    return [name for name, value in given.items() if value]


def _listed(options: TraceOptions, outputs: tuple[Output, ...], as_json: bool) -> Listed:
    """Return what a listing is to show. Raises `Mistake` where there is none."""
    to_standard_output = [output for output in outputs if output.name == STANDARD_OUTPUT]
    if to_standard_output and (as_json or options.summary):
        raise Mistake(
            f"{'--json' if as_json else '--summary'} and -o - both write to standard output; give one of them"
        )
    on_terminal = not (outputs or options.summary or as_json)
    if options.follow and not on_terminal:
        raise Mistake("--follow is about the listing on standard output; leave -o, --summary and --json out")
    if not on_terminal and not any(output.format is TEXT for output in outputs):
        for name, given in {"--range": options.listed is not None, "--no-fold": options.no_fold}.items():
            if given:
                raise Mistake(f"{name} is about the listing; there is none with -o, --summary or --json, but in .txt")
    begin, end = 0, None
    if options.listed is not None:
        found = _RANGE.fullmatch(options.listed)
        if found is None:
            raise Mistake(f"--range {options.listed!r}: give two indices of instructions, as in 100:200, 100: or :200")
        begin, end = int(found[1] or 0), int(found[2]) if found[2] else None
        if end is not None and end < begin:
            raise Mistake(f"--range {options.listed}: {end} lies before {begin}; give the smaller one first")
    return Listed(begin, end, not options.no_fold)


def _report(
    report: TraceReport, options: TraceOptions, outputs: tuple[Output, ...], listed: Listed, as_json: bool
) -> int:
    for output in outputs:
        report.files += write_trace(report.trace, output, listed, options.images, report.own)
    if options.summary:
        with progress_shown(report.trace, "summary"):
            report.summary = TraceSummary.of(report.trace)
    if as_json:
        from emu.cli.trace_data import trace_data  # noqa: PLC0415 (one of the two is needed)

        show_json(trace_data(report))
    elif all(output.name != STANDARD_OUTPUT for output in outputs):
        from emu.cli.trace_display import show_trace  # noqa: PLC0415

        show_trace(report, None if outputs or options.summary else listed, follow=options.follow)
    returned = report.run is None or report.run.returned
    return 0 if returned and (report.checks is None or report.checks.clean) else 1


def _diff(first: str, second: str, as_json: bool) -> int:
    found = load(first).diff(load(second))
    if as_json:
        from emu.cli.trace_data import diff_data  # noqa: PLC0415

        show_json(diff_data(first, second, found))
    elif found is None:
        write(f"{first} and {second} are equal\n")
    else:
        write(f"{first} (-) and {second} (+)\n{found}\n")
    return 0 if found is None else 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu trace`: from options to a trace, and the trace to the terminal or into files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emu.cli.call_options import given_call_options
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json, write, write_lines
from emu.cli.run import RunOptions, call_of
from emu.cli.trace_call import TraceFilter, run_traced
from emu.cli.trace_files import Listed, WrittenFile, write_trace
from emu.cli.trace_formats import TRACE_FORMATS, Output, parse_outputs
from emu.cli.watched_trace import WatchedTrace, progress_shown
from emu.cli.whole_file import STANDARD_OUTPUT
from emu.trace import Trace, TraceError, load

if TYPE_CHECKING:
    from emu.cli.run_call import RunResult

_RANGE: Final = re.compile(r"(\d*):(\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """The options of `emu trace`, as given; None: left out."""

    routine: str | None
    arguments: tuple[str, ...]
    faults: tuple[str, ...]
    profile: str
    irql: int
    images: tuple[str, ...]
    budget: int | None
    stubs: tuple[str, ...]
    unguarded: bool
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

    def call(self) -> RunOptions:
        """Return the options of the call. Raises `Mistake` where no routine is named."""
        if self.routine is None:
            raise Mistake("name the routine to call, as in `emu trace CopyFromUser kernel:64 user:64 64`")
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

    def selection(self) -> TraceFilter:
        """Return what is to be left out."""
        return TraceFilter(self.only, self.begin, self.end, self.user_only, self.last)

    def about_a_call(self) -> list[str]:
        """Return the names of what only a call can have."""
        given = [self.routine] if self.routine is not None else []
        named: dict[str, object] = {
            "--image": self.images,
            "--only": self.only,
            "--begin": self.begin,
            "--end": self.end,
        }
        named |= {"--user-only": self.user_only, "--last": self.last}
        return [*given, *given_call_options(self), *(name for name, value in named.items() if value)]


class _Taken(NamedTuple):
    """A trace, and the call that it is of; None for one from a file."""

    trace: WatchedTrace
    run: RunResult | None


def run_trace(options: TraceOptions, *, as_json: bool) -> int:
    """Run `emu trace`; returns the exit status."""
    try:
        with mistakes_reported():
            if options.diff is not None:
                return _compare(options, *options.diff, as_json)
            outputs = parse_outputs(options.outputs, options.format_name, TRACE_FORMATS)
            listed = _listed(options)
            taken = _take(options)
            _show(options, taken, outputs, listed, as_json)
    except TraceError as error:
        raise Mistake(str(error)) from error
    return 0 if taken.run is None or taken.run.returned else 1


def _refuse(options: TraceOptions, chosen: str) -> None:
    about = options.about_a_call()
    if about:
        raise Mistake(f"{chosen} makes no call, so {about[0]} has no place beside it")


def _compare(options: TraceOptions, first: str, second: str, as_json: bool) -> int:
    _refuse(options, "--diff")
    found = load(first).diff(load(second))
    if as_json:
        show_json({"equal": found is None, "diff": None if found is None else str(found)})
    else:
        write(f"{first} and {second} are the same trace\n" if found is None else f"{found}\n")
    return 0 if found is None else 1


def _take(options: TraceOptions) -> _Taken:
    if options.source is not None:
        _refuse(options, "--from")
        return _Taken(WatchedTrace(load(options.source)), None)
    taken = run_traced(call_of(options.call()), options.selection())
    return _Taken(WatchedTrace(taken.trace), taken.run)


def _listed(options: TraceOptions) -> Listed:
    if options.listed is None:
        return Listed(fold=not options.no_fold)
    found = _RANGE.fullmatch(options.listed)
    begin, end = (found[1], found[2]) if found else ("", "")
    if not begin and not end:
        raise Mistake(f"--range {options.listed!r}: give A:B, as in 100:200; A or B may be left out")
    if end and int(begin or 0) > int(end):
        raise Mistake(f"--range {options.listed!r} ends before it begins")
    return Listed(int(begin or 0), int(end) if end else None, not options.no_fold)


def _show(options: TraceOptions, taken: _Taken, outputs: tuple[Output, ...], listed: Listed, as_json: bool) -> None:
    files = [file for output in outputs for file in write_trace(taken.trace, output, listed, options.images)]
    if any(output.name == STANDARD_OUTPUT for output in outputs):
        return
    if as_json:
        show_json(_data(taken, files))
    elif options.summary:
        write(_summary(taken.trace))
    elif not outputs:
        _list(taken.trace, listed, follow=options.follow)
    if not as_json:
        _show_end(taken, files)


def _list(trace: WatchedTrace, listed: Listed, *, follow: bool) -> None:
    from emu.trace.listing import listing  # noqa: PLC0415

    lines = listing(trace, begin=listed.begin, end=listed.end, fold=listed.fold, color=make_console().is_terminal)
    if follow or sys.stdout.isatty():
        write_lines(lines, flush_each=follow)
        return
    with progress_shown(trace, "listing"):
        write_lines(lines)


def _summary(trace: Trace) -> str:
    parts = [str(trace.profile())]
    users = [buffer for buffer in trace.buffers if buffer.user]
    kernels = [buffer for buffer in trace.buffers if not buffer.user]
    parts += [str(trace.copy_map(user, kernel)) for user, kernel in zip(users, kernels, strict=False)]
    return "\n\n".join(parts) + "\n"


def _show_end(taken: _Taken, files: list[WrittenFile]) -> None:
    for file in files:
        write(f"{file.path}: {file.format.what}, {file.size:,} bytes\n")
    if taken.run is None:
        return
    from emu.cli.run_display import outcome_sections  # noqa: PLC0415

    show(make_console(), *outcome_sections(taken.run))


def _data(taken: _Taken, files: list[WrittenFile]) -> dict[str, Any]:
    from emu.cli.run_data import run_data  # noqa: PLC0415

    return {
        "run": None if taken.run is None else run_data(taken.run),
        **taken.trace.counts._asdict(),
        "files": list(_file_data(files)),
    }


def _file_data(files: list[WrittenFile]) -> Iterator[dict[str, Any]]:
    for file in files:
        yield {"path": file.path, "format": file.format.name, "bytes": file.size}

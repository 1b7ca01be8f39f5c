# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu replay`: an experiment again, from its replay id, and its trace, if asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.campaign import parse_replay_id
from emu.campaign.experiment.call_replay_id import is_call_id, parse_call_id
from emu.cli.mistakes import Mistake, mistakes_reported

if TYPE_CHECKING:
    from emu.cli.trace_files import WrittenFile
    from emu.cli.trace_formats import Output
    from emu.machine import Machine
    from emu.trace import Trace


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The options of `emu replay`, as given; None: left out."""

    identity: str
    trace: bool
    outputs: tuple[str, ...]
    format_name: str | None
    checks: str | None = None

    @property
    def traces(self) -> bool:
        """Whether a trace is wanted."""
        return self.trace or bool(self.outputs)


class _Replay:
    """One replay: how it is run, and what is shown of its trace."""

    def __init__(self, options: ReplayOptions, outputs: tuple[Output, ...]) -> None:
        self._options = options
        self._outputs = outputs
        self._trace: Trace | None = None

    @contextlib.contextmanager
    def watch(self, machine: Machine) -> Iterator[None]:
        """Trace the call, if its trace is wanted."""
        if not self._options.traces:
            yield
            return
        with machine.trace() as self._trace:
            yield

    def write_files(self, images: tuple[str, ...]) -> list[WrittenFile]:
        """Write the files of -o."""
        if self._trace is None:
            return []
        from emu.cli.trace_files import Listed, write_trace  # noqa: PLC0415 (NumPy takes its time to import)
        from emu.cli.watched_trace import WatchedTrace  # noqa: PLC0415

        trace = WatchedTrace(self._trace)
        return [file for output in self._outputs for file in write_trace(trace, output, Listed(), images)]

    def show_trace(self, files: list[WrittenFile]) -> None:
        """Print the listing, and which files were written."""
        from emu.cli.output import make_console, show, write_lines  # noqa: PLC0415
        from emu.cli.sections import section  # noqa: PLC0415
        from emu.cli.trace_display import files_table, has_colors  # noqa: PLC0415

        console = make_console()
        if self._options.trace and self._trace is not None:
            from emu.trace.listing import listing  # noqa: PLC0415

            show(console, section("Trace", ""))
            write_lines(f"  {line}" for line in listing(self._trace, color=has_colors(console)))
        if files:
            show(make_console(), section("Files", "", files_table(files)))


def run_replay(options: ReplayOptions, *, as_json: bool) -> int:
    """Run `emu replay`; returns the exit status."""
    with mistakes_reported():
        if options.trace and as_json:
            raise Mistake("--trace lists and --json prints data; write the trace with -o FILE.jsonl, or leave one out")
        replay = _Replay(options, _outputs_of(options))
        if options.traces:
            from emu.cli.trace import trace_mistakes_reported  # noqa: PLC0415

            with trace_mistakes_reported():
                return _run(options, replay, as_json)
        return _run(options, replay, as_json)


def _outputs_of(options: ReplayOptions) -> tuple[Output, ...]:
    from emu.cli.trace_formats import TRACE_FORMATS, parse_outputs  # noqa: PLC0415
    from emu.cli.whole_file import STANDARD_OUTPUT  # noqa: PLC0415

    outputs = parse_outputs(options.outputs, options.format_name, TRACE_FORMATS)
    if any(output.name == STANDARD_OUTPUT for output in outputs):
        raise Mistake("-o - would mix the trace with what replay shows; give a file, or --trace for the listing")
    return outputs


def _run(options: ReplayOptions, replay: _Replay, as_json: bool) -> int:
    if is_call_id(options.identity):
        from emu.campaign.experiment.call_replay_id import format_call_id  # noqa: PLC0415 (most ids are copies')
        from emu.cli.checks import CallChecks  # noqa: PLC0415
        from emu.cli.run import show_run  # noqa: PLC0415

        call = parse_call_id(options.identity)
        checks = CallChecks(options.checks, format_call_id(call))
        ran = call.run(lambda machine: checks.watch(machine, replay.watch))
        checks.confirm(call)
        files = replay.write_files(call.images)
        show_run(ran, checks, as_json)
        status = 0 if ran.returned and checks.clean else 1
    else:
        from emu.cli.copy import copy_checks, show_copy  # noqa: PLC0415

        experiment = parse_replay_id(options.identity)
        checks = copy_checks(options.checks, experiment)
        result = experiment.run(watch=lambda machine: checks.watch(machine, replay.watch))
        checks.confirm(experiment)
        files = replay.write_files(experiment.images)
        show_copy(result, checks, as_json)
        status = 0 if result.clean and checks.clean else 1
    if not as_json:
        replay.show_trace(files)
    return status

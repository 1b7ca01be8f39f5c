# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu run`: from options to a call, and its result to the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from emu.campaign.experiment.argument import Argument, parse_argument, parse_stub
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.call_replay_id import format_call_id
from emu.campaign.experiment.run_result import RunResult
from emu.cli.checks import CallChecks
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json
from emu.faults import parse_fault
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `emu run`, as given; None: left out."""

    routine: str
    arguments: tuple[str, ...]
    faults: tuple[str, ...]
    profile: str
    irql: int
    images: tuple[str, ...]
    budget: int | None
    stubs: tuple[str, ...]
    unguarded: bool
    checks: str | None = None


def run_run(options: RunOptions, *, as_json: bool) -> int:
    """Run `emu run`; returns the exit status."""
    with mistakes_reported():
        return show_call(call_of(options), as_json=as_json, selection=options.checks)


def show_call(call: CallExperiment, *, as_json: bool, selection: str | None = None) -> int:
    """Make a call and show it; returns the exit status. Raises what `CallExperiment.run` raises.

    selection  what --checks was given
    """
    checks = CallChecks(selection, format_call_id(call))
    result = call.run(checks.watch)
    checks.confirm(call)
    show_run(result, checks, as_json)
    return 0 if result.returned and checks.clean else 1


def call_of(options: RunOptions) -> CallExperiment:
    """Return the call that the options describe. Raises `Mistake` and what the parsers raise."""
    return CallExperiment(
        routine=options.routine,
        arguments=tuple(_argument(text) for text in options.arguments),
        profile=Profile.parse(options.profile),
        irql=options.irql,
        budget=DEFAULT_BUDGET if options.budget is None else options.budget,
        guarded=not options.unguarded,
        faults=tuple(parse_fault(text) for text in options.faults),
        images=options.images,
        stubs=tuple(parse_stub(text) for text in options.stubs),
    )


def _argument(text: str) -> Argument:
    if text.startswith("--"):
        raise Mistake(f"No such option {text!r}; `--help` lists them")
    return parse_argument(text)


def show_run(result: RunResult, checks: CallChecks, as_json: bool) -> None:
    """Print what a call gave, and what the checks found."""
    if as_json:
        from emu.cli.run_data import run_data  # noqa: PLC0415 (one of the two is needed)

        show_json({**run_data(result), **checks.data()})
    else:
        from emu.cli.run_display import display_run  # noqa: PLC0415

        console = make_console()
        show(console, *display_run(result, console.width), *checks.sections())

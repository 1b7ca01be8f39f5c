# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu copy`: from options to an experiment, and its result to the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emu.campaign import (
    DEFAULT_LENGTH,
    DEFAULT_ROUTINE,
    MAXIMUM_INLINE,
    SOURCE,
    TARGET,
    Content,
    CopyExperiment,
    CopyResult,
    File,
    Inline,
    Pattern,
    boundary_offset,
    format_replay_id,
)
from emu.campaign.run.laboratory import judge_experiment
from emu.cli.checks import CallChecks
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json
from emu.faults import parse_fault
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """The options of `emu copy`, as given; None: left out."""

    length: int | None
    text: str | None
    file: str | None
    source_offset: int | None
    target_offset: int | None
    faults: tuple[str, ...]
    profile: str
    irql: int
    images: tuple[str, ...]
    routine: str
    budget: int | None
    checks: str | None = None


def run_copy(options: CopyOptions, *, as_json: bool) -> int:
    """Run `emu copy`; returns the exit status."""
    with mistakes_reported():
        experiment = experiment_of(options)
        checks = copy_checks(options.checks, experiment)
        result = experiment.run(watch=checks.watch)
        checks.confirm(experiment)
        show_copy(result, checks, as_json)
        return 0 if result.clean and checks.clean else 1


def copy_checks(selection: str | None, experiment: CopyExperiment) -> CallChecks:
    """Return the checks of a copy: its routine is to be as CopyFromUser."""
    return CallChecks(selection, format_replay_id(experiment), {experiment.routine: DEFAULT_ROUTINE})


def show_copy(result: CopyResult, checks: CallChecks, as_json: bool) -> None:
    """Print what a copy gave, what a campaign's judge says of it, and what the checks found."""
    verdict = judge_experiment(result.experiment)
    if as_json:
        from emu.cli.copy_data import copy_data  # noqa: PLC0415 (one of the two is needed)

        show_json({**copy_data(result, verdict), **checks.data()})
    else:
        from emu.cli.display import display_copy  # noqa: PLC0415

        console = make_console()
        show(console, *display_copy(result, console.width, verdict), *checks.sections())


def experiment_of(options: CopyOptions) -> CopyExperiment:
    """Return the experiment that the options describe. Raises `Mistake` and what the parsers raise."""
    length, data = _data_of(options)
    faults = tuple(parse_fault(text) for text in options.faults)
    source_offset, target_offset = options.source_offset, options.target_offset
    return CopyExperiment(
        routine=options.routine,
        length=length,
        source_offset=boundary_offset(faults, SOURCE) if source_offset is None else source_offset,
        target_offset=boundary_offset(faults, TARGET) if target_offset is None else target_offset,
        profile=Profile.parse(options.profile),
        data=data,
        irql=options.irql,
        faults=faults,
        images=options.images,
        budget=DEFAULT_BUDGET if options.budget is None else options.budget,
    )


def _data_of(options: CopyOptions) -> tuple[int, Content]:
    if options.text is not None and options.file is not None:
        raise Mistake("--text and --file exclude each other; give one of them")
    if options.text is not None:
        return _sized(options, Inline(options.text.encode("utf-8", "surrogateescape")))
    if options.file is not None:
        length = Path(options.file).stat().st_size if options.length is None else options.length
        if length > MAXIMUM_INLINE:
            return length, File(options.file)
        with Path(options.file).open("rb") as file:
            return _sized(options, Inline(file.read(max(length, 0))))
    return DEFAULT_LENGTH if options.length is None else options.length, Pattern()


def _sized(options: CopyOptions, content: Inline) -> tuple[int, Content]:
    """Return the length and exactly the bytes that are copied."""
    if options.length is None:
        return len(content.content), content
    return options.length, Inline(content.read(max(options.length, 0)))

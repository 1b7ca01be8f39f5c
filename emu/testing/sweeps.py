# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign of copies as one assertion, run where the test runs."""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from emu.campaign.experiment.content import Content, Inline, Pattern
from emu.campaign.experiment.copy_experiment import DEFAULT_LENGTH
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.replay_id import format_replay_id
from emu.campaign.judge.oracle import Judge, judge_copy, load_oracle
from emu.campaign.judge.user_oracle import as_judge
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import FaultChoice, parse_fault_choices
from emu.campaign.plan.minimise import PROFILES, minimise
from emu.campaign.run.laboratory import CopyLaboratory
from emu.image import ImageError, UnknownSymbol
from emu.machine import DEFAULT_BUDGET, Machine
from emu.profile import Profile, ProfileError
from emu.testing import options
from emu.testing.current import current_item
from emu.testing.machines import LoggedMachine
from emu.testing.replayable import file_name, image_names
from emu.testing.report import OUTCOME_PROPERTY, REPLAY_PROPERTY
from emu.toolchain.errors import GuestBuildError, ToolchainMissing

SHOWN_OF_A_CLASS: Final = 2
SHOWN: Final = 5
"""Failures that are shown, made as small as they get."""

_TRIES: Final = 400

Numbers: TypeAlias = int | str | Iterable[int]
"""A number, numbers, or an axis in its text form: `0-64`."""

_MISTAKES: Final = (
    *(ExperimentError, GuestBuildError, ImageError, OSError, ProfileError, ToolchainMissing),
    UnknownSymbol,
)


class SweepFailed(AssertionError):
    """Cases of a sweep that are not correct."""


class SweepResult(NamedTuple):
    """What came of a sweep."""

    plan: CopySweep
    counts: Counter[VerdictClass]

    @property
    def total(self) -> int:
        """How many cases were run."""
        return self.counts.total()

    def __str__(self) -> str:
        told = ", ".join(f"{self.counts[kind]:,} {kind.label}" for kind in VerdictClass if self.counts[kind])
        return f"{self.plan}\n{self.total:,} run: {told}"


def sweep(
    what: Machine | str,
    routine: str | None = None,
    *,
    image: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    lengths: Numbers = DEFAULT_LENGTH,
    source_offsets: Numbers = 0,
    target_offsets: Numbers = 0,
    faults: str | Iterable[str] = "",
    profiles: Iterable[Profile | str] | None = None,
    irqls: Numbers | None = None,
    data: Content | bytes | None = None,
    oracle: str | Callable[..., Any] | None = None,
    sample: int | None = None,
    seed: int = 0,
    budget: int = DEFAULT_BUDGET,
) -> SweepResult:
    """Run a routine that is called as `CopyFromUser` is over all combinations, and assert that each is correct.

    what       the test's machine, whose images and profile the sweep takes, with `routine`; or the routine's name
    image      files to build and load, beside the test's own; with a machine, by default what that has loaded
    lengths    numbers, or text as in `0-64` or `0-4096:64`; so are offsets (below 16: an alignment)
    faults     each alone, as `emu inject` reads them: `none@every-byte`, `guard@src+0&paged-out@src+4`, `` for no fault
    profiles   by default the machine's; without one those of `--emu-profiles`, or the marker's; so are IRQLs
    oracle     `FILE.py:function` or a function of an `Observation`; by default the contract of CopyFromUser
    sample     how many cases to run, drawn with `seed`; by default 500 with `--emu-sweep=quick`, else all

    The machine itself is left alone. Raises `SweepFailed`, whose message has the counts and the first failures of each
    class, minimised, with their replay ids. A mistake in the declaration fails the test with one line.
    """
    __tracebackhide__ = True
    try:
        plan = CopySweep(
            routine=_routine(what, routine),
            lengths=_axis(lengths, "lengths"),
            source_offsets=_axis(source_offsets, "source offsets"),
            target_offsets=_axis(target_offsets, "target offsets"),
            profiles=_profiles(what, profiles),
            faults=_faults(faults),
            irqls=_axis(_marked().irql if irqls is None else irqls, "irqls"),
            data=Pattern() if data is None else Inline(data) if isinstance(data, bytes) else data,
            images=_images(what, image),
            budget=budget,
            sample=_sample(sample),
            seed=seed,
        )
        judge = _judge(oracle)
        with contextlib.closing(CopyLaboratory(plan.routine, plan.images, plan.data, plan.budget)) as laboratory:
            result, failed = _run(plan, laboratory, judge)
            shown = list(_shown(plan, laboratory, judge, failed))
        _cover(plan)
    except _MISTAKES as error:
        raise pytest.fail.Exception(f"sweep: {_one_line(error)}") from None
    if failed:
        _note(result, shown)
        raise SweepFailed("\n".join((str(result), *(line for each in shown for line in each.lines))))
    return result


class _Shown(NamedTuple):
    """A failure as it is shown."""

    replay: str
    lines: tuple[str, ...]


def _routine(what: Machine | str, routine: str | None) -> str:
    if isinstance(what, Machine):
        if routine is None:
            raise ExperimentError("name the routine behind the machine, as in sweep(machine, 'my_copy')")
        return routine
    if routine is not None:
        raise ExperimentError(f"two routines, {what!r} and {routine!r}; give one, or a machine first")
    return what


def _axis(values: Numbers, name: str) -> Axis:
    if isinstance(values, str):
        return Axis.parse(values, name)
    return Axis.of((values,) if isinstance(values, int) else values, name)


def _profiles(what: Machine | str, profiles: Iterable[Profile | str] | None) -> tuple[Profile, ...]:
    if profiles is not None:
        given = (profiles,) if isinstance(profiles, str | Profile) else profiles
        return tuple(each if isinstance(each, Profile) else Profile.parse(each) for each in given)
    if isinstance(what, Machine):
        return (what.profile,)
    item, marked = current_item(), _marked()
    if item is None or marked.profile is not None:
        return (marked.applied_to(None),)
    return tuple(dict.fromkeys(map(marked.applied_to, item.config.stash.get(options.PROFILES, (None,)))))


def _marked() -> options.Marked:
    item = current_item()
    return options.Marked() if item is None else options.marked(item)


def _faults(faults: str | Iterable[str]) -> tuple[FaultChoice, ...]:
    return parse_fault_choices((faults if isinstance(faults, str) else ",".join(faults),))


def _images(what: Machine | str, image: str | PathLike[str] | Sequence[str | PathLike[str]]) -> tuple[str, ...]:
    given = [image] if isinstance(image, str | PathLike) else list(image)
    if not given and isinstance(what, LoggedMachine):
        return image_names(what)
    item = current_item()
    beside = Path() if item is None else item.path.parent
    return tuple(file_name(beside / each) for each in given)


def _sample(sample: int | None) -> int | None:
    item = current_item()
    is_full = item is not None and item.config.getoption("--emu-sweep") == options.FULL
    return options.QUICK_SAMPLE if sample is None and not is_full else sample


def _judge(oracle: str | Callable[..., Any] | None) -> Judge:
    if oracle is None:
        return judge_copy
    if isinstance(oracle, str):
        return load_oracle(oracle)
    return as_judge(oracle, getattr(oracle, "__name__", "oracle"), inspect.getsourcefile(oracle) or "")


def _run(
    plan: CopySweep, laboratory: CopyLaboratory, judge: Judge
) -> tuple[SweepResult, dict[VerdictClass, list[CopyCase]]]:
    counts: Counter[VerdictClass] = Counter()
    failed: dict[VerdictClass, list[CopyCase]] = {}
    for number in plan.numbers():
        case = plan.case(number)
        kind = _verdict(laboratory, judge, case).kind
        counts[kind] += 1
        if kind:
            cases = failed.setdefault(kind, [])
            if len(cases) < SHOWN_OF_A_CLASS:
                cases.append(case)
    return SweepResult(plan, counts), dict(sorted(failed.items()))


def _verdict(laboratory: CopyLaboratory, judge: Judge, case: CopyCase) -> Verdict:
    try:
        return laboratory.judge(case, judge)
    except _MISTAKES:
        raise
    except Exception as error:
        laboratory.close()  # nobody knows what state it is in
        return Verdict(VerdictClass.EMULATOR_ERROR, f"{type(error).__name__}: {_one_line(error)}")


def _shown(
    plan: CopySweep, laboratory: CopyLaboratory, judge: Judge, failed: dict[VerdictClass, list[CopyCase]]
) -> Iterator[_Shown]:
    """Make failures small, and give them with their details."""
    ranked = [profile for profile in PROFILES if profile in plan.profiles]
    seen: set[CopyCase] = set()
    for kind, cases in failed.items():

        def fails(case: CopyCase, kind: VerdictClass = kind) -> bool:
            return _verdict(laboratory, judge, case).kind is kind

        for case in cases:
            least = minimise(case, fails, profiles=ranked, tries=_TRIES)
            if least in seen or len(seen) == SHOWN:
                continue
            seen.add(least)
            replay = format_replay_id(plan.experiment_of(least))
            detail = _verdict(laboratory, judge, least).detail
            yield _Shown(replay, (f"  {kind.label}: {detail}", f"    emu replay {replay}"))


def _note(result: SweepResult, shown: list[_Shown]) -> None:
    item = current_item()
    if item is not None:
        item.user_properties.append((OUTCOME_PROPERTY, str(result).splitlines()[-1]))
        item.user_properties += [(REPLAY_PROPERTY, each.replay) for each in shown]


def _cover(plan: CopySweep) -> None:
    item = current_item()
    collector = None if item is None else item.config.pluginmanager.get_plugin("emu-coverage")
    if collector is not None:
        collector.add_sweep(plan)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__

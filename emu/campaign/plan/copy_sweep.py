# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep over copies: profiles × faults × lengths × offsets × IRQLs, as a declared product."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar, Final

from emu.address import PAGE_SIZE
from emu.campaign.experiment.content import Content, Inline, Pattern, parse_content
from emu.campaign.experiment.copy_experiment import DEFAULT_LENGTH, DEFAULT_ROUTINE, CopyExperiment
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.clean_run import CleanRuns
from emu.campaign.plan.fault_template import FaultChoice, FaultTemplate, Sweep, check_choices
from emu.campaign.plan.json_fields import JsonFields
from emu.campaign.plan.measure import QUANTITIES, Measure, Measured
from emu.campaign.plan.plan import Plan, PlanPart
from emu.campaign.plan.sample import Sample
from emu.campaign.plan.sweep_numbering import Location, Numbering
from emu.campaign.plan.sweep_placement import PlacedFault, place, place_one
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile, ProfileError

MAXIMUM_CLEAN_RUNS: Final = 1 << 22

_NO_FAULT: Final = FaultChoice()
_DEFAULT_LENGTHS: Final = Axis.of((DEFAULT_LENGTH,), "lengths")
_ZERO: Final = Axis.of((0,))


@dataclass(frozen=True)
class CopySweep(Plan):
    """Every combination of profile, choice of faults, length, source offset, target offset and IRQL, in that order.

    An offset below 16 is an alignment, see `emu.campaign.plan.sweep_placement`. A choice of faults
    (`emu.campaign.plan.fault_template`) multiplies by the faults that it has for a length, or in a clean run. With
    `sample` so many of the cases are run, drawn with `seed`; all where there are no more. Raises `ExperimentError`.
    """

    kind: ClassVar[str] = "copy-sweep"
    version: ClassVar[int] = 1

    routine: str = DEFAULT_ROUTINE
    lengths: Axis = _DEFAULT_LENGTHS
    source_offsets: Axis = _ZERO
    target_offsets: Axis = _ZERO
    profiles: tuple[Profile, ...] = (Profile(),)
    faults: tuple[FaultChoice, ...] = (_NO_FAULT,)
    irqls: Axis = _ZERO
    data: Content = field(default_factory=Pattern)
    images: tuple[str, ...] = ()
    budget: int = DEFAULT_BUDGET
    sample: int | None = None
    seed: int = 0
    measure: Measure | None = field(default=None, compare=False, repr=False)
    """What knows the clean runs, for `every-access` and `every-instruction`; by default they are run, once."""
    measured: Measured | None = field(default=None, compare=False, repr=False)
    """What was measured before."""

    def __post_init__(self) -> None:
        if not self.profiles or len(set(self.profiles)) < len(self.profiles):
            raise ExperimentError(f"profiles {', '.join(map(str, self.profiles)) or 'none'}: name one, and each once")
        if not self.faults:
            raise ExperimentError("faults: there is no choice; leave them out for a sweep without faults")
        check_choices(self.faults)
        for name, axis in (("source offset", self.source_offsets), ("target offset", self.target_offsets)):
            if axis.largest >= PAGE_SIZE:
                raise ExperimentError(f"{name} {axis.largest} lies outside a page; choose 0 to {PAGE_SIZE - 1}")
        if self.sample is not None and self.sample < 1:
            raise ExperimentError(f"a sample of {self.sample}: choose 1 or more")
        longest = self.lengths.largest
        if isinstance(self.data, Inline):
            self.data.read(longest)
        for choice in self.faults:
            for template in choice.templates:
                self._check_template(template, longest)
        # The rest is for the experiment to know.
        self.experiment_of(CopyCase(longest, 0, 0, (), self.profiles[0], self.irqls.largest))
        if self._quantities and self._clean_runs > MAXIMUM_CLEAN_RUNS:
            raise ExperimentError(
                f"faults that are measured need {self._clean_runs} clean runs, more than {MAXIMUM_CLEAN_RUNS}; "
                "choose fewer lengths or offsets"
            )

    def _check_template(self, template: FaultTemplate, longest: int) -> None:
        if template.quantity is None and not template.count(longest):
            raise ExperimentError(f"faults {str(template)!r}: no length of {self.lengths} has that byte")
        if template.sweep is not Sweep.ACCESSES:
            self.experiment_of(CopyCase(longest, 0, 0, (template.at(0).fault,), self.profiles[0]))

    def __len__(self) -> int:
        return self._numbering.total

    def case(self, number: int) -> CopyCase:
        """Return a case. Raises `ExperimentError` for a number that there is not."""
        location = self._numbering.locate(number)
        profile, choice, length, source, target, irql, _, fault = location
        templates = self.faults[choice].templates
        if not templates:
            return CopyCase(length, source, target, (), self.profiles[profile], irql)
        if len(templates) == 1 and templates[0].sweep is not Sweep.ACCESSES:
            faults, source, target = place_one(templates[0].at(fault), source, target)
        else:
            faults, source, target = place(self._placed(templates, location), source, target)
        return CopyCase(length, source, target, faults, self.profiles[profile], irql)

    def experiment(self, number: int) -> CopyExperiment:
        """Return a case as an experiment with a replay id. Raises `ExperimentError` for a number that there is not."""
        return self.experiment_of(self.case(number))

    def experiment_of(self, case: CopyCase) -> CopyExperiment:
        """Return any case of the routine, the images and the data of this sweep as an experiment."""
        return CopyExperiment(
            routine=self.routine,
            length=case.length,
            source_offset=case.source_offset,
            target_offset=case.target_offset,
            profile=case.profile,
            data=self.data,
            irql=case.irql,
            faults=case.faults,
            images=self.images,
            budget=self.budget,
        )

    def numbers(self) -> Sequence[int]:
        """Return the numbers of the cases that are to run: all, or the sample."""
        total = len(self)
        if self.sample is None or self.sample >= total:
            return range(total)
        return Sample(total, self.sample, self.seed)

    def parts(self) -> Sequence[PlanPart]:
        """Return the cases of each profile and choice of faults."""
        return tuple(
            PlanPart(numbers, self.profiles[profile], str(self.faults[choice]))
            for numbers, profile, choice in self._numbering.blocks()
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads back; clean runs that are needed are run, and what they gave is in it."""
        data: dict[str, Any] = {
            "plan": self.kind,
            "version": self.version,
            "routine": self.routine,
            "images": list(self.images),
            "data": str(self.data),
            "lengths": str(self.lengths),
            "source-offsets": str(self.source_offsets),
            "target-offsets": str(self.target_offsets),
            "irqls": str(self.irqls),
            "profiles": [str(profile) for profile in self.profiles],
            "faults": [str(choice) for choice in self.faults],
            "budget": self.budget,
            "sample": self.sample,
            "seed": self.seed,
        }
        if self._measured is not None:
            data["measured"] = self._measured.to_json()
        return data

    @classmethod
    def from_json(cls, data: Any) -> CopySweep:
        """Return the sweep that gave this. Raises `ExperimentError` for anything else, and for a newer form."""
        try:
            form = JsonFields(data, cls.kind, cls.version)
            sweep = cls(
                routine=form.text("routine"),
                lengths=Axis.parse(form.text("lengths"), "lengths"),
                source_offsets=Axis.parse(form.text("source-offsets"), "source offsets"),
                target_offsets=Axis.parse(form.text("target-offsets"), "target offsets"),
                profiles=tuple(map(Profile.parse, form.texts("profiles"))),
                faults=tuple(map(FaultChoice.parse, form.texts("faults"))),
                irqls=Axis.parse(form.text("irqls"), "irqls"),
                data=parse_content(form.text("data")),
                images=form.texts("images"),
                budget=form.integer("budget"),
                sample=form.optional_integer("sample"),
                seed=form.integer("seed"),
            )
            if sweep._quantities:
                measured = Measured.from_json(form.take("measured"), sweep._quantities, sweep._clean_runs)
                sweep = replace(sweep, measured=measured)
            form.finish()
        except (ExperimentError, ProfileError) as error:
            raise ExperimentError(f"plan: {error}") from None
        return sweep

    def __str__(self) -> str:
        axes = [
            _several(len(self.profiles), "profile", ", ".join(map(str, self.profiles))),
            _several(len(self.lengths), "length", str(self.lengths)),
            _several(len(self.source_offsets), "source offset", str(self.source_offsets)),
            _several(len(self.target_offsets), "target offset", str(self.target_offsets)),
        ]
        if list(self.irqls) != [0]:
            axes.append(_several(len(self.irqls), "IRQL", str(self.irqls)))
        if self.faults != (_NO_FAULT,):
            axes.append(f"faults ({', '.join(str(choice) or 'no fault' for choice in self.faults)})")
        numbers = self.numbers()
        total = len(self)
        drawn = f", {len(numbers):,} of them drawn with seed {self.seed}" if len(numbers) < total else ""
        return f"{self.routine}: {' × '.join(axes)}: {total:,} case{'s' if total != 1 else ''}{drawn}"

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def _quantities(self) -> tuple[str, ...]:
        used = {template.quantity for choice in self.faults for template in choice.templates}
        return tuple(quantity for quantity in QUANTITIES if quantity in used)

    @property
    def _offsets(self) -> tuple[Axis, Axis, Axis]:
        return self.source_offsets, self.target_offsets, self.irqls

    @property
    def _clean_runs(self) -> int:
        return len(self.profiles) * len(self.lengths) * prod(map(len, self._offsets))

    @cached_property
    def _measured(self) -> Measured | None:
        if not self._quantities or self.measured is not None:
            return self.measured
        if self.measure is not None:
            return Measured.measure(self.measure, self._clean_cases(), self._quantities)
        with contextlib.closing(CleanRuns(self.routine, self.images, self.data, self.budget)) as runs:
            return Measured.measure(runs, self._clean_cases(), self._quantities)

    def _clean_cases(self) -> Iterator[CopyCase]:
        for profile in self.profiles:
            for length in self.lengths:
                for source in self.source_offsets:
                    for target in self.target_offsets:
                        for irql in self.irqls:
                            yield CopyCase(length, source, target, (), profile, irql)

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering(len(self.profiles), self.faults, self.lengths, self._offsets, self._measured)

    def _placed(self, templates: Sequence[FaultTemplate], location: Location) -> list[PlacedFault]:
        """Return the faults of a case; the last template's change fastest."""
        index = location.fault
        placed = []
        for template in reversed(templates):
            count = self._numbering.count(template, location.length, location.cell)
            index, own = divmod(index, count)
            if template.sweep is Sweep.ACCESSES:
                assert template.quantity is not None
                assert self._measured is not None
                access = self._measured.pattern(template.quantity, location.cell).access(own)
                placed.append(template.at_access(*access))
            else:
                placed.append(template.at(own))
        return placed[::-1]


def _several(count: int, name: str, values: str) -> str:
    return f"{count} {name}{'s' if count != 1 else ''} ({values})"

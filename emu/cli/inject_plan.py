# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of `emu inject`, and the sweep that they declare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from emu.campaign import DEFAULT_ROUTINE, File, Pattern
from emu.campaign.experiment.content import parse_content
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile, parse_profiles

DEFAULT_LENGTHS: Final = "0-64"
DEFAULT_OFFSETS: Final = "0"
DEFAULT_FAULTS: Final = ("none@every-byte",)


@dataclass(frozen=True, slots=True)
class InjectOptions:
    """The options of `emu inject`, as given; None: left out."""

    routine: str | None
    lengths: str | None
    source_offsets: str | None
    target_offsets: str | None
    profiles: tuple[str, ...]
    faults: tuple[str, ...]
    irql: str | None
    images: tuple[str, ...]
    data: str | None
    budget: int | None
    sample: int | None
    seed: int | None
    oracle: str | None
    store: str | None
    resume: str | None
    workers: int | None
    scheduler: str | None
    local_cluster: int | None
    arguments: tuple[str, ...] = ()
    what_if: bool = False
    pairs: bool = False
    must_return: bool = False
    stubs: tuple[str, ...] = ()
    unguarded: bool = False
    checks: str | None = None

    @property
    def about_the_sweep(self) -> list[str]:
        """The names of the options that were given about what a store has already."""
        given: dict[str, object] = {
            "--lengths": self.lengths is not None,
            "--source-offsets": self.source_offsets is not None,
            "--target-offsets": self.target_offsets is not None,
            "--profiles": self.profiles,
            "--faults": self.faults,
            "--irql": self.irql is not None,
            "--image": self.images,
            "--data": self.data is not None,
            "--budget": self.budget is not None,
            "--sample": self.sample is not None,
            "--seed": self.seed is not None,
            "--oracle": self.oracle is not None,
            "--store": self.store is not None,
            "--what-if": self.what_if,
            "--pairs": self.pairs,
            "--must-return": self.must_return,
            "--stub": self.stubs,
            "--unguarded": self.unguarded,
        }
        routine = [] if self.routine is None else [f"routine {self.routine}"]
        return [*routine, *(name for name, value in given.items() if value)]


def sweep_of(options: InjectOptions) -> CopySweep:
    """Return the sweep that the options declare. Raises `ExperimentError`, `ProfileError`."""

    def axis(text: str | None, default: str, name: str) -> Axis:
        return Axis.parse(default if text is None else text, name)

    return CopySweep(
        routine=DEFAULT_ROUTINE if options.routine is None else options.routine,
        lengths=axis(options.lengths, DEFAULT_LENGTHS, "--lengths"),
        source_offsets=axis(options.source_offsets, DEFAULT_OFFSETS, "--source-offsets"),
        target_offsets=axis(options.target_offsets, DEFAULT_OFFSETS, "--target-offsets"),
        profiles=split_profiles(options.profiles) or (Profile(),),
        faults=parse_fault_choices(options.faults or DEFAULT_FAULTS),
        irqls=axis(options.irql, "0", "--irql"),
        data=Pattern() if options.data is None else parse_content(options.data),
        images=options.images,
        budget=DEFAULT_BUDGET if options.budget is None else options.budget,
        sample=options.sample,
        seed=options.seed or 0,
    )


def files_of(sweep: CopySweep) -> tuple[str, ...]:
    """Return the files that a sweep depends on."""
    data = (sweep.data.path,) if isinstance(sweep.data, File) else ()
    return (*sweep.images, *data)


def split_profiles(texts: Iterable[str]) -> tuple[Profile, ...]:
    """Read the profiles of an option that may be repeated. Raises `ProfileError`."""
    return tuple(profile for text in texts for profile in parse_profiles(text))

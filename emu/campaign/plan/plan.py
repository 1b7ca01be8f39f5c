# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign is going to run: declared, numbered, and made case by case."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.copy_experiment import CopyExperiment
from emu.campaign.plan.case import CopyCase
from emu.profile import Profile


class PlanPart(NamedTuple):
    """Neighbouring cases of one profile that suffer faults of one declaration."""

    numbers: range
    profile: Profile
    faults: str
    """As declared: `none@every-byte`; empty for no fault."""


class Plan(ABC):
    """Cases with stable numbers from 0: the same declaration gives the same ones in every process, one at a time.

    `str(plan)` says in a line what it is.
    """

    kind: ClassVar[str]
    """What its JSON form says under `plan`."""

    @abstractmethod
    def __len__(self) -> int:
        """How many cases it declares, those that a sample leaves out included."""

    @abstractmethod
    def case(self, number: int) -> CopyCase:
        """Return a case. Raises `ExperimentError` for a number that there is not."""

    @abstractmethod
    def experiment(self, number: int) -> CopyExperiment | CallExperiment:
        """Return a case as an experiment with a replay id. Raises `ExperimentError` for a number that there is not."""

    @abstractmethod
    def numbers(self) -> Sequence[int]:
        """Return the numbers of the cases that are to run, in ascending order, without making a list of them."""

    @abstractmethod
    def parts(self) -> Sequence[PlanPart]:
        """Return the parts that it is made of: all of its numbers, in order."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads back."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: Any) -> Self:
        """Return the plan that gave this. Raises `ExperimentError` for anything else, and for a newer form."""

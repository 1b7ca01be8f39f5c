# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign as the reports read it: its plan, what was done of it, and how that ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.plan import Plan, PlanPart
from emu.campaign.plan.plan_json import plan_from_json
from emu.campaign.run.store import Row, Store


class Result(NamedTuple):
    """How one experiment ended."""

    number: int
    """The plan's."""
    verdict: VerdictClass
    explanation: str = ""
    """One line; empty for a correct one."""
    replay_id: str = ""
    """Empty for a correct one."""
    minimal_id: str = ""
    """Of the smallest experiment that fails alike, where that is known."""

    @classmethod
    def of(cls, row: Row) -> Result:
        """Return the result that a store's row has."""
        return cls(row.number, row.verdict.kind, row.verdict.detail, row.replay_id, row.minimal_id or "")


class CampaignResults:
    """A store and its plan, read together.

    Raises `StoreError` for what cannot be read, `ExperimentError` for a plan of a newer version.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.settings: Mapping[str, Any] = store.campaign.read_plan()
        """The plan as the store keeps it."""
        self.plan: Plan = plan_from_json(dict(self.settings))
        self.versions = store.campaign.read_versions()
        self.oracle = store.campaign.oracle
        self.planned = store.total
        """How many experiments are to run."""

    @property
    def name(self) -> str:
        """What the file is called."""
        return self._store.path.name

    @property
    def title(self) -> str:
        """The routine."""
        return str(self.settings.get("routine", self.settings["plan"]))

    @cached_property
    def counts(self) -> dict[VerdictClass, int]:
        """How many experiments have each verdict; all classes are there."""
        return self._store.counts()

    @property
    def done(self) -> int:
        """How many experiments are done."""
        return sum(self.counts.values())

    @property
    def failures(self) -> int:
        """How many of them are not correct."""
        return self.done - self.counts[VerdictClass.CORRECT]

    def case(self, number: int) -> CopyCase:
        """Return what an experiment did."""
        return self.plan.case(number)

    def results(self) -> Iterator[Result]:
        """Give all that is done, by ascending number; reads as it goes."""
        numbers = self.plan.numbers()
        failures = self.failing()
        failure = next(failures, None)
        for positions in self._store.done:
            for position in positions:
                number = numbers[position]
                while failure is not None and failure.number < number:
                    failure = next(failures, None)
                if failure is not None and failure.number == number:
                    yield failure
                else:
                    yield Result(number, VerdictClass.CORRECT)

    def parted(self) -> Iterator[tuple[PlanPart, Result]]:
        """Give the same, each with the part of the plan that it is in."""
        parts = iter(self.plan.parts())
        part = next(parts)
        for result in self.results():
            while result.number >= part.numbers.stop:
                part = next(parts)
            yield part, result

    def failing(self) -> Iterator[Result]:
        """Give what is done and not correct, by ascending number; reads as it goes."""
        return map(Result.of, self._store.rows())

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What was swept and with what, for people: names and values."""
        settings = [
            (name.replace("-", " "), _text(value))
            for name, value in self.settings.items()
            if name not in ("plan", "version", "measured", "sample", "seed") and value not in ([], None)
        ]
        declared = len(self.plan)
        drawn = f"{self.planned:,} of {declared:,}, drawn with seed {self.settings.get('seed')}"
        sampled = [("sample", drawn)] if self.planned < declared else []
        oracle = [("oracle", self.oracle)] if self.oracle else []
        return (*settings, *sampled, *oracle, *self.versions.items(), ("store", self.name))


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    return "no fault" if value == "" else str(value)

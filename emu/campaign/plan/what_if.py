# SPDX-License-Identifier: GPL-2.0-or-later
"""A what-if sweep: one call, and again with each access to user memory and each allocation failing in turn.

SQLite is tested so, with allocations and I/O (sqlite.org, "How SQLite Is Tested", out-of-memory and I/O error testing).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, product
from math import isqrt
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.call_replay_id import format_call_id, parse_call_id
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.call_chances import CallChances, find_chances
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.json_fields import JsonFields
from emu.campaign.plan.plan import Plan, PlanPart
from emu.campaign.plan.sample import Sample
from emu.faults import Fault, FaultError, UnitPlace, parse_fault
from emu.faults.fault import IN_PAGE_ERROR, NO_MEMORY, POOL
from emu.memory.half import STATUS_DEVICE_DATA_ERROR

FAILING: Final = ("unmapped", "none", "guard", "paged-out", IN_PAGE_ERROR)
"""The page states that an access does not just get through."""


class Failure(NamedTuple):
    """How an access to user memory fails: what its page becomes right before it."""

    state: str = "none"
    status: int | None = None
    """The NTSTATUS of an in-page error; None for the usual one."""

    @classmethod
    def parse(cls, text: str) -> Failure:
        """Read `none`, `in-page-error=0xC000009D`. Raises `ExperimentError`."""
        state = text.partition("=")[0]
        if state not in FAILING:
            raise ExperimentError(
                f"faults {text!r}: a what-if sweep finds the places itself; give how they fail, with commas between: "
                f"{', '.join(FAILING)}[=STATUS]"
            )
        try:
            fault = parse_fault(f"{text}@0x0")
        except FaultError as error:
            raise ExperimentError(str(error)) from None
        return cls(state, None if fault.argument == STATUS_DEVICE_DATA_ERROR else fault.argument)

    def __str__(self) -> str:
        return self.state if self.status is None else f"{self.state}=0x{self.status:08X}"


_Chance: TypeAlias = Failure | None
"""A way in which something fails: how an access does; None: an allocation."""


class _Block(NamedTuple):
    """Neighbouring numbers: none, one or two chances at once, each failing in its way."""

    chances: tuple[_Chance, ...]
    numbers: range


@dataclass(frozen=True)
class WhatIf(Plan):
    """Number 0 is the call itself. Then each access fails, in order and in each way; then each allocation; then, with
    `pairs`, two accesses at once, an access and an allocation, and two allocations.

    Accesses and allocations are those of the clean run: behind a failure, others may come. Raises `ExperimentError`.
    """

    kind: ClassVar[str] = "what-if"
    version: ClassVar[int] = 1

    call: CallExperiment
    chances: CallChances
    failures: tuple[Failure, ...] = (Failure(),)
    pairs: bool = False
    must_return: bool = False
    """Whether no exception may leave the routine, whatever fails."""
    sample: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.call.faults:
            raise ExperimentError(f"fault {self.call.faults[0]}: a what-if sweep injects its own; leave it out")
        if not self.failures or len(set(self.failures)) < len(self.failures):
            named = ", ".join(map(str, self.failures)) or "none given"
            raise ExperimentError(f"faults {named}: give how accesses fail, each way once")
        if self.sample is not None and self.sample < 1:
            raise ExperimentError(f"a sample of {self.sample}: choose 1 or more")

    @classmethod
    def measure(cls, call: CallExperiment, **settings: Any) -> WhatIf:
        """Run a call once to see what can fail, and return the sweep. Raises what `find_chances` raises."""
        declared = cls(call, CallChances(), **settings)
        return replace(declared, chances=find_chances(call))

    def __len__(self) -> int:
        return self._blocks[-1].numbers.stop

    def faults(self, number: int) -> tuple[Fault, ...]:
        """Return what fails in an experiment. Raises `ExperimentError` for a number that there is not."""
        return tuple(self._fault(chance, index) for chance, index in self._failing(number))

    def singles(self, number: int) -> tuple[int, ...]:
        """Return, for a pair, the experiments in which each of the two fails alone; for any other none.

        Raises `ExperimentError` for a number that there is not.
        """
        failing = self._failing(number)
        if len(failing) < 2:
            return ()
        starts = {block.chances: block.numbers.start for block in self._blocks if len(block.chances) == 1}
        return tuple(starts[chance,] + index for chance, index in failing)

    def _failing(self, number: int) -> tuple[tuple[_Chance, int], ...]:
        """Return what fails in an experiment: in which way, and the index of the access or the allocation."""
        block = next((block for block in self._blocks if number in block.numbers), None)
        if block is None:
            raise ExperimentError(f"case {number} does not exist; choose 0 to {len(self) - 1}")
        index = number - block.numbers.start
        if len(block.chances) < 2:
            return tuple((chance, index) for chance in block.chances)
        first, second = block.chances
        if (first is None) == (second is None):
            earlier, later = _pair(index)
        else:
            earlier, later = divmod(index, len(self.chances.allocations))
        return (first, earlier), (second, later)

    def case(self, number: int) -> CopyCase:
        """Return an experiment as the reports know one: it copies nothing, so that its length and offsets are 0."""
        return CopyCase(0, 0, 0, self.faults(number), self.call.profile, self.call.irql)

    def experiment(self, number: int) -> CallExperiment:
        """Return an experiment with a replay id. Raises `ExperimentError` for a number that there is not."""
        return replace(self.call, faults=self.faults(number))

    def numbers(self) -> Sequence[int]:
        """Return the numbers that are to run: all, or the sample."""
        total = len(self)
        return range(total) if self.sample is None or self.sample >= total else Sample(total, self.sample, self.seed)

    def parts(self) -> Sequence[PlanPart]:
        """Return the parts: nothing fails, each way in which one thing does, and each in which two do."""
        return tuple(
            PlanPart(block.numbers, self.call.profile, "&".join(map(_describe, block.chances)))
            for block in self._blocks
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads back."""
        return {
            "plan": self.kind,
            "version": self.version,
            "routine": self.call.routine,
            "call": format_call_id(self.call),
            "failures": [str(failure) for failure in self.failures],
            "pairs": self.pairs,
            "must-return": self.must_return,
            "sample": self.sample,
            "seed": self.seed,
            "measured": self.chances.to_json(),
        }

    @classmethod
    def from_json(cls, data: Any) -> WhatIf:
        """Return the sweep that gave this. Raises `ExperimentError` for anything else, and for a newer form."""
        try:
            form = JsonFields(data, cls.kind, cls.version)
            sweep = cls(
                call=parse_call_id(form.text("call")),
                chances=CallChances.from_json(form.take("measured")),
                failures=tuple(map(Failure.parse, form.texts("failures"))),
                pairs=form.boolean("pairs"),
                must_return=form.boolean("must-return"),
                sample=form.optional_integer("sample"),
                seed=form.integer("seed"),
            )
            if form.text("routine") != sweep.call.routine:
                raise ExperimentError("'routine' is not that of 'call'")
            form.finish()
        except ExperimentError as error:
            raise ExperimentError(f"plan: {error}") from None
        return sweep

    def __str__(self) -> str:
        accesses, allocations = map(len, self.chances)
        ways = ", ".join(map(str, self.failures))
        drawn = f", {len(self.numbers()):,} of them drawn with seed {self.seed}" if self._is_sampled else ""
        return (
            f"{self.call.routine}, what if {_several(accesses, 'access', 'es')} to user memory ({ways}) and "
            f"{_several(allocations, 'allocation', 's')} fail{' alone and in pairs' if self.pairs else ''}: "
            f"{_several(len(self), 'experiment', 's')}{drawn}"
        )

    @property
    def _is_sampled(self) -> bool:
        return self.sample is not None and self.sample < len(self)

    @cached_property
    def _blocks(self) -> tuple[_Block, ...]:
        ways: list[tuple[_Chance, ...]] = [(), *((failure,) for failure in self.failures), (None,)]
        if self.pairs:
            ways += product(self.failures, repeat=2)
            ways += ((failure, None) for failure in self.failures)
            ways.append((None, None))
        counts = [self._count(chances) for chances in ways]
        ends = accumulate(counts)
        return tuple(
            _Block(chances, range(end - count, end))
            for chances, count, end in zip(ways, counts, ends, strict=True)
            if count
        )

    def _count(self, chances: tuple[_Chance, ...]) -> int:
        counts = [len(self.chances.allocations if chance is None else self.chances.accesses) for chance in chances]
        if len(chances) == 2:
            same = (chances[0] is None) == (chances[1] is None)
            return counts[0] * (counts[0] - 1) // 2 if same else counts[0] * counts[1]
        return counts[0] if counts else 1

    def _fault(self, chance: _Chance, index: int) -> Fault:
        if chance is None:
            return Fault(NO_MEMORY, UnitPlace(POOL), access=index + 1)
        access = self.chances.accesses[index]
        return Fault(chance.state, access.place, chance.status, access=access.number)


def parse_failures(texts: Iterable[str]) -> tuple[Failure, ...]:
    """Read the ways in which accesses fail, with commas between. Raises `ExperimentError`."""
    return tuple(Failure.parse(part) for text in texts for part in text.split(","))


def _pair(index: int) -> tuple[int, int]:
    """Return a pair of different numbers in order: (0, 1), (0, 2), (1, 2), (0, 3), …"""
    later = (1 + isqrt(1 + 8 * index)) // 2
    return index - later * (later - 1) // 2, later


def _describe(chance: _Chance) -> str:
    return f"{NO_MEMORY}@every-allocation" if chance is None else f"{chance}@every-access"


def _several(count: int, noun: str, plural: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else plural}"

# SPDX-License-Identifier: GPL-2.0-or-later
"""When a fault strikes of the many times that it could: the vocabulary of Linux's fault injection.

See the Linux kernel's documentation, "Fault injection capabilities infrastructure", and lib/fault-inject.c. Each access
to a fault's byte, or each allocation, is a chance; those that `require` and `reject` leave over are asked in the order
of that file: `fail-nth`, which answers alone; `space`, `interval`, `probability`. What one lets through the next never
sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

SCHEDULE_NUMBERS: Final = ("probability", "interval", "space", "fail-nth", "seed")
SCHEDULE_SYMBOLS: Final = ("require", "reject")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which of the chances to strike are taken; None: what is left out does not restrict it.

    Each time that it says yes one access, or one allocation, fails, and the next is as if nothing had been.
    """

    probability: int | None = None
    """Percent of the chances, drawn with `seed`."""
    interval: int | None = None
    """Every n-th chance."""
    space: int | None = None
    """Bytes that get through first: a chance that what is left has room for gets through and takes its size away."""
    fail_nth: int | None = None
    """The n-th chance and no other."""
    require: str | None = None
    """Only what this function does is a chance."""
    reject: str | None = None
    """What this function does is none."""
    seed: int | None = None

    def items(self) -> list[tuple[str, int | str]]:
        """Return what is set, by its name in the text form, in the order of the text form."""
        named = [(name.replace("_", "-"), getattr(self, name)) for name in self.__dataclass_fields__]
        return [(name, value) for name, value in named if value is not None]

    @property
    def is_set(self) -> bool:
        """Whether it restricts anything, a seed alone left out."""
        return any(name != "seed" for name, _ in self.items())


ALWAYS: Final = Schedule()
"""Every chance."""


class ScheduleRun:
    """A schedule that is asked, chance by chance."""

    def __init__(self, schedule: Schedule, is_in: Callable[[str, int], bool]) -> None:
        self._schedule = schedule
        self._is_in = is_in
        self._random = Random(schedule.seed or 0)
        self._space = schedule.space or 0
        self._chances = 0
        self._count = 0

    def strikes(self, size: int, rip: int) -> bool:
        """Take one chance, of an access or allocation of so many bytes by the instruction at `rip`."""
        schedule = self._schedule
        if schedule.require is not None and not self._is_in(schedule.require, rip):
            return False
        if schedule.reject is not None and self._is_in(schedule.reject, rip):
            return False
        self._chances += 1
        if schedule.fail_nth is not None:
            return self._chances == schedule.fail_nth
        if self._space and self._space >= size:
            self._space -= size
            return False
        if schedule.interval is not None:
            self._count += 1
            if self._count % schedule.interval:
                return False
        return schedule.probability is None or self._random.randrange(100) < schedule.probability

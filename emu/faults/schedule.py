# SPDX-License-Identifier: GPL-2.0-or-later
"""When a fault strikes of the many times that it could: the vocabulary of Linux's fault injection.

See the Linux kernel's documentation, "Fault injection capabilities infrastructure". Each access to a fault's byte, or
each allocation, asks; what is asked first answers first: `space`, then `interval`, then `probability`, then
`require` and `reject`; `fail-nth` alone answers for itself.
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
    """Bytes that get through first: each chance takes its size away, and none is taken until nothing is left."""
    fail_nth: int | None = None
    """The n-th chance and no other."""
    require: str | None = None
    """Only in this function."""
    reject: str | None = None
    """Anywhere but in this function."""
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
        self._chances += 1
        if schedule.fail_nth is not None:
            return self._chances == schedule.fail_nth
        if self._space >= size > 0:
            self._space -= size
            return False
        if schedule.interval is not None:
            self._count += 1
            if self._count % schedule.interval:
                return False
        if schedule.probability is not None and self._random.randrange(100) >= schedule.probability:
            return False
        if schedule.require is not None and not self._is_in(schedule.require, rip):
            return False
        return schedule.reject is None or not self._is_in(schedule.reject, rip)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Axes of a sweep: numbers in order, as ranges and as text: `0-64`, `1,2,4-8`, `0-128:8`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NoReturn, overload

from emu.campaign.experiment.experiment_error import ExperimentError

MAXIMUM_VALUES: Final = 1 << 20
"""Values of one axis: far more than the lengths that guest RAM has room for in useful steps."""

_NUMBER: Final = "(0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,19})"
_RANGE: Final = re.compile(rf"{_NUMBER}(?:-{_NUMBER}(?::{_NUMBER})?)?", re.ASCII)


@dataclass(frozen=True)
class Axis(Sequence[int]):
    """Distinct numbers of 0 or more, kept as ranges.

    `str(axis)` is the text form, which `parse` reads back. Raises `ExperimentError` for an axis that is empty, names
    a value twice or has more than `MAXIMUM_VALUES`.
    """

    ranges: tuple[range, ...]
    name: str = field(default="axis", compare=False)
    """What the numbers are, for messages."""
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """How many values there are up to the end of each range."""

    def __post_init__(self) -> None:
        # `len` of a range fails beyond 63 bits.
        count = sum(max(-(-(values.stop - values.start) // values.step), 0) for values in self.ranges)
        if not count:
            raise ExperimentError(f"{self.name}: there is no value; give one, or a range as in 0-64")
        if count > MAXIMUM_VALUES:
            raise ExperimentError(
                f"{self.name} {self}: {count} values are too many; choose {MAXIMUM_VALUES} or fewer, as with a step"
            )
        if len(self.ranges) > 1:
            seen: set[int] = set()
            for values in self.ranges:
                twice = seen.intersection(values)
                if twice:
                    raise ExperimentError(f"{self.name} {self}: {min(twice)} is there twice; name it once")
                seen.update(values)
        object.__setattr__(self, "_ends", tuple(accumulate(map(len, self.ranges))))

    @classmethod
    def parse(cls, text: str, name: str = "axis") -> Axis:
        """Read the text form: numbers and ranges FIRST-LAST[:STEP] with commas between. Raises `ExperimentError`."""
        return cls(tuple(_parse_range(part.strip(), text, name) for part in text.split(",")), name)

    @classmethod
    def of(cls, values: Iterable[int], name: str = "axis") -> Axis:
        """Return an axis of these values, neighbours at the same distance as one range. Raises `ExperimentError`."""
        runs: list[range] = []
        for value in values:
            if value < 0:
                raise ExperimentError(f"{name} {value}: choose 0 or more")
            last = runs[-1] if runs else range(0)
            if len(last) == 1 and value > last[0]:
                runs[-1] = range(last[0], value + 1, value - last[0])
            elif len(last) > 1 and value == last[-1] + last.step:
                runs[-1] = range(last[0], value + 1, last.step)
            else:
                runs.append(range(value, value + 1))
        return cls(tuple(runs), name)

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        at = bisect_right(self._ends, index)
        if index < 0 or at == len(self.ranges):
            raise IndexError(f"{self.name} has {len(self)} values")
        values = self.ranges[at]
        return values[index - self._ends[at] + len(values)]

    def __iter__(self) -> Iterator[int]:
        for values in self.ranges:
            yield from values

    def __contains__(self, value: object) -> bool:
        return any(value in values for values in self.ranges)

    @property
    def largest(self) -> int:
        """The largest value."""
        return max(values[-1] for values in self.ranges)

    @property
    def smallest(self) -> int:
        """The smallest value."""
        return min(values[0] for values in self.ranges)

    def __str__(self) -> str:
        return ",".join(map(_format_range, filter(None, self.ranges)))


def _format_range(values: range) -> str:
    first, last = values[0], values[-1]
    if first == last:
        return str(first)
    step = f":{values.step}" if values.step != 1 else ""
    return f"{first}-{last}{step}"


def _parse_range(part: str, text: str, name: str) -> range:
    found = _RANGE.fullmatch(part)
    if found is None:
        _fail(name, text, part, "a number or a range FIRST-LAST[:STEP] belongs here, as in 0-64 or 0-128:8")
    first, last, step = (_value(digits) for digits in found.groups())
    assert first is not None
    if last is None:
        return range(first, first + 1)
    if last < first:
        _fail(name, text, part, f"it runs backwards; write {last}-{first}")
    if step == 0:
        _fail(name, text, part, "a step of 0 goes nowhere; choose 1 or more")
    return range(first, last + 1, step or 1)


def _value(digits: str | None) -> int | None:
    if digits is None:
        return None
    return int(digits, 16 if digits[:2] in ("0x", "0X") else 10)


def _fail(name: str, text: str, part: str, why: str) -> NoReturn:
    where = f"{name} {text!r}" if part == text else f"{name} {text!r}: {part!r}"
    raise ExperimentError(f"{where}: {why}")

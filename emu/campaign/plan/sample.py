# SPDX-License-Identifier: GPL-2.0-or-later
"""A sample of a campaign's cases: drawn with a seed, in order, without a list of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, overload

from emu.campaign.experiment.experiment_error import ExperimentError

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15


@dataclass(frozen=True)
class Sample(Sequence[int]):
    """`size` of the numbers below `total`, each drawn from one of `size` equal strata (stratified random sampling).

    The numbers are distinct and ascend; each is made when it is asked for. The same total, size and seed give the
    same sample. Raises `ExperimentError` for a sample that is empty or larger than what it is drawn from.
    """

    total: int
    size: int
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.total:
            raise ExperimentError(f"a sample of {self.size} of {self.total}: choose 1 to {self.total}")

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self._draw(each) for each in range(*index.indices(self.size))]
        if not -self.size <= index < self.size:
            raise IndexError(f"the sample has {self.size} numbers")
        return self._draw(index % self.size)

    def __iter__(self) -> Iterator[int]:
        return map(self._draw, range(self.size))

    @cached_property
    def _key(self) -> int:
        return _mix(self.seed & _MASK)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 0 <= number < self.total and self._draw(self._stratum(number)) == number

    def index(self, number: int, start: int = 0, stop: int | None = None) -> int:
        """Return where a number is in the sample. Raises ValueError where it is not."""
        if number in self:
            at = self._stratum(number)
            if at in range(*slice(start, stop).indices(self.size)):
                return at
        raise ValueError(f"{number} is not in the sample")

    def _stratum(self, number: int) -> int:
        return ((number + 1) * self.size - 1) // self.total

    def _draw(self, stratum: int) -> int:
        first = stratum * self.total // self.size
        width = (stratum + 1) * self.total // self.size - first
        return first + (_mix(self._key + stratum * _GOLDEN) * width >> 64)


def _mix(value: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D0_49BB_1331_11EB) & _MASK
    return value ^ value >> 31

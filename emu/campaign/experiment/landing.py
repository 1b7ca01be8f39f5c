# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of a poisoned target: which bytes landed, which were never written, which are wrong."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

RED_ZONE: Final = 64
"""Bytes of poison before the target and behind it."""

POISON: Final = 0xCC
OTHER_POISON: Final = 0x33
_POISON_FOR: Final = bytes(OTHER_POISON if byte == POISON else POISON for byte in range(256))

_CHUNK: Final = 256

NO_FLIPS: Final[Mapping[int, int]] = MappingProxyType({})

Fate: TypeAlias = Literal["landed", "untouched", "wrong"]


def poison_for(content: bytes) -> bytes:
    """Return poison for the bytes that are to land: 0xCC, or 0x33 under a byte that is 0xCC itself.

    So whether a byte landed can be told for every content.
    """
    return content.translate(_POISON_FOR)


class Run(NamedTuple):
    """Neighbouring bytes of one fate."""

    first: int
    length: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Landing:
    """The fate of every byte of the target and of the poison around it."""

    runs: tuple[Run, ...]
    damage: tuple[int, ...]
    """Offsets from the target's first byte, outside of it, whose poison is gone."""

    @classmethod
    def compare(cls, content: bytes, region: bytes, flips: Mapping[int, int] = NO_FLIPS) -> Landing:
        """Compare what should have landed with the target and its two red zones as they are afterwards.

        A byte of `flips` may have landed with these bits flipped as well.
        """
        length = len(content)
        for at, bits in flips.items():
            if at < length and region[RED_ZONE + at] == content[at] ^ bits:
                content = content[:at] + region[RED_ZONE + at : RED_ZONE + at + 1] + content[at + 1 :]
        target = region[RED_ZONE : RED_ZONE + length]
        before, behind = region[:RED_ZONE], region[RED_ZONE + length :]
        damage = [at - RED_ZONE for at, byte in enumerate(before) if byte != POISON]
        damage += [at + length for at, byte in enumerate(behind) if byte != POISON]
        return cls(tuple(_merge(_runs(content, target))), tuple(damage))

    def count(self, fate: Fate) -> int:
        """Return how many bytes had this fate."""
        return sum(run.length for run in self.runs if run.fate == fate)

    def fate(self, offset: int) -> Fate:
        """Return the fate of one byte of the target."""
        return self.runs[bisect.bisect_right(self.runs, offset, key=lambda run: run.first) - 1].fate

    def fates(self, first: int, end: int) -> set[Fate]:
        """Return the fates that occur among the bytes from `first` up to `end`."""
        start = bisect.bisect_right(self.runs, first, key=lambda run: run.first) - 1
        return {run.fate for run in itertools.takewhile(lambda run: run.first < end, self.runs[start:])}

    @property
    def prefix(self) -> int:
        """How many bytes landed from the start without a gap."""
        first = self.runs[0] if self.runs else None
        return first.length if first is not None and first.fate == "landed" else 0

    @property
    def complete(self) -> bool:
        """Whether every byte landed."""
        return all(run.fate == "landed" for run in self.runs)


def _runs(content: bytes, target: bytes) -> Iterator[Run]:
    poison = poison_for(content)
    for first in range(0, len(content), _CHUNK):
        wanted, found = content[first : first + _CHUNK], target[first : first + _CHUNK]
        untouched = poison[first : first + _CHUNK]
        if found == wanted:
            yield Run(first, len(found), "landed")
        elif found == untouched:
            yield Run(first, len(found), "untouched")
        else:
            for at, byte in enumerate(found):
                fate: Fate = "landed" if byte == wanted[at] else "untouched" if byte == untouched[at] else "wrong"
                yield Run(first + at, 1, fate)


def _merge(runs: Iterator[Run]) -> Iterator[Run]:
    for fate, group in itertools.groupby(runs, key=lambda run: run.fate):
        first, *rest = group
        yield Run(first.first, first.length + sum(run.length for run in rest), fate)

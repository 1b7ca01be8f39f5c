# SPDX-License-Identifier: GPL-2.0-or-later
"""Where uninitialised bytes come from: a pool block, or a frame of the stack."""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.memory_names import frame_owner
from emu.checks.call.pool_lives import PoolLife
from emu.checks.call.tree import Activation

_FIRST: Final = 2
_LAST: Final = 255


class LeakOrigin(NamedTuple):
    """The memory, as it was when the bytes were first read there."""

    life: PoolLife | None
    frame: Activation | None
    address: int
    """One of its bytes."""


class OriginTable:
    """Numbers for origins, as shadows have them. The last number stands for all that come after so many."""

    def __init__(self, call: CheckedCall) -> None:
        self._call = call
        self._origins: list[LeakOrigin] = []
        self._numbers: dict[tuple[int, int], int] = {}

    def __getitem__(self, number: int) -> LeakOrigin:
        return self._origins[number - _FIRST]

    def number_of(self, address: int, instruction: int) -> int:
        """Return the number of the memory that an address is in, before an instruction."""
        for index, life in enumerate(self._call.pool_lives):
            is_alive = life.begin <= instruction and (life.end is None or instruction < life.end)
            if is_alive and life.block.address <= address < life.block.address + life.block.size:
                return self._number((0, index), LeakOrigin(life, None, address))
        owner = frame_owner(self._call, address, instruction)
        return self._number((1, -1 if owner is None else owner.number), LeakOrigin(None, owner, address))

    def _number(self, key: tuple[int, int], origin: LeakOrigin) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = min(_FIRST + len(self._origins), _LAST)
            self._numbers[key] = number
            if number == _FIRST + len(self._origins):
                self._origins.append(origin)
        return number

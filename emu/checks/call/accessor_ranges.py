# SPDX-License-Identifier: GPL-2.0-or-later
"""The ranges that all accessors of a call may touch, in columns, and which accesses keep to them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from emu.accessors.family import TYPE_SIZES
from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.checks.call.accessor_calls import AccessorCall, DeclaredRange
from emu.checks.call.columns import Accesses, Mask, Numbers
from emu.trace.source import Words

STRING: Final = "String"
"""The parameter whose range the string decides."""
_ONE_BY_ONE: Final = 16
"""Accessor calls that are looked at one after the other; of more, all accesses together."""
_REGISTER: Final = 8
"""Bytes of the largest argument that is passed by value."""


class AccessorRanges:
    """What each accessor may touch of memory that is not its own.

    The ranges of one accessor call are a row; a row has as many columns as the longest needs.
    """

    def __init__(self, calls: Sequence[AccessorCall], running: Numbers, accesses: Accesses) -> None:
        """`running` has of each instruction the index in `calls` of the accessor that it ran in."""
        self._calls = calls
        self._accesses = accesses
        self.running: Numbers = running[accesses.instruction]
        """Of each access the index of the accessor call that it belongs to, -1 for none."""
        self.outermost = [index for index, made in enumerate(calls) if running[made.activation.begin] == index]
        """The accessor calls that are no accessor's own."""
        self.strings = {index: self._string(index) for index, made in enumerate(calls) if STRING in made.arguments}
        """The string that each call of a string length read, up to its terminator or to where the scan came to."""
        self.of_call: list[tuple[DeclaredRange, ...]] = [
            (*_pages(self.strings.get(index)), *made.ranges, *_by_address(made)) for index, made in enumerate(calls)
        ]
        """The ranges of each accessor call: those that its pointers declare, and what else it is given by address."""
        columns = max(map(len, self.of_call), default=0)
        self.first: Words = np.ones((len(calls), columns), np.uint64)
        """The first byte of each; above the last one where there is none."""
        self.last: Words = np.zeros((len(calls), columns), np.uint64)
        for row, ranges in enumerate(self.of_call):
            for column, each in enumerate(ranges):
                if each.size > 0:
                    self.first[row, column] = each.address
                    self.last[row, column] = min(each.end - 1, ADDRESS_MASK)

    def of(self, index: int) -> Numbers:
        """Return the indices of the accesses of one accessor call."""
        activation = self._calls[index].activation
        first, behind = self._accesses.instruction.searchsorted([activation.begin, activation.end]).tolist()
        found: Numbers = (self.running[first:behind] == index).nonzero()[0] + first
        return found

    def _string(self, index: int) -> DeclaredRange:
        made = self._calls[index]
        address = made.arguments[STRING]
        last = end_of_string(self._accesses, self.of(index), address, 2 if "Wide" in made.accessor.name else 1)
        return DeclaredRange(STRING, address, last + 1 - address, made.is_user_side(STRING), True, False)

    @functools.cached_property
    def inside(self) -> Mask:
        """Whether each access lies in one range of its accessor call as a whole."""
        return self._any(lambda address, last, begin, end: (address >= begin) & (last <= end))

    @functools.cached_property
    def touching(self) -> Mask:
        """Whether each access has a byte in a range of its accessor call."""
        return self._any(lambda address, last, begin, end: (address <= end) & (last >= begin) & (begin <= end))

    def _any(self, holds: Callable[[Words, Words, Words | np.uint64, Words | np.uint64], Mask]) -> Mask:
        found = np.zeros(len(self._accesses), bool)
        if len(self.outermost) <= _ONE_BY_ONE:
            for index in self.outermost:
                self._any_of(index, holds, found)
            return found
        at = (self.running >= 0).nonzero()[0]
        rows, address, last = self.running[at], self._accesses.address[at], self._accesses.last[at]
        for column in range(self.first.shape[1]):
            found[at] |= holds(address, last, self.first[rows, column], self.last[rows, column])
        return found

    def _any_of(
        self, index: int, holds: Callable[[Words, Words, Words | np.uint64, Words | np.uint64], Mask], found: Mask
    ) -> None:
        """Find it for one accessor call: its accesses lie together, and its ranges are the same for all."""
        activation = self._calls[index].activation
        begin, behind = self._accesses.instruction.searchsorted([activation.begin, activation.end]).tolist()
        address, last = self._accesses.address[begin:behind], self._accesses.last[begin:behind]
        part = found[begin:behind]
        for column in range(self.first.shape[1]):
            if self.first[index, column] <= self.last[index, column]:
                part |= holds(address, last, self.first[index, column], self.last[index, column])
        part &= self.running[begin:behind] == index


def _by_address(made: AccessorCall) -> list[DeclaredRange]:
    """Return the structures that an accessor is given by address, as an argument or for its result."""
    found = []
    if made.result_address is not None and made.accessor.width:
        found.append(DeclaredRange("the result", made.result_address, made.accessor.width, False, False, True))
    for parameter in made.accessor.parameters:
        size = TYPE_SIZES.get(parameter.type, 0)
        if parameter.side == "value" and size > _REGISTER:
            found.append(DeclaredRange(parameter.name, made.arguments[parameter.name], size, False, True, False))
    return found


def _pages(string: DeclaredRange | None) -> list[DeclaredRange]:
    """Return the pages that a string lies on."""
    if string is None:
        return []
    begin, end = string.address // PAGE_SIZE * PAGE_SIZE, -(-string.end // PAGE_SIZE) * PAGE_SIZE
    return [string._replace(address=begin, size=end - begin)]


def end_of_string(accesses: Accesses, numbers: Numbers, address: int, size: int) -> int:
    """Return the last byte of a string's terminator; where none was read, of the first character that was not.

    numbers  the accesses that may have read it
    size     bytes of a character
    """
    rows = accesses.table[numbers[accesses.is_read[numbers] & accesses.performed[numbers]]]
    values = np.column_stack([rows["low"], rows["high"]]).astype("<u8").view(np.uint8)
    offsets = rows["address"][:, None] - np.uint64(address) + np.arange(values.shape[1], dtype=np.uint64)
    is_its = (np.arange(values.shape[1]) < rows["size"][:, None]) & (offsets < np.uint64(1 << 63))
    known, at = np.unique(offsets[is_its], return_index=True)
    gaps = (known != np.arange(len(known), dtype=np.uint64)).nonzero()[0]
    read = (int(gaps[0]) if len(gaps) else len(known)) // size
    characters = values[is_its][at][: read * size].reshape(read, size)
    ends = np.flatnonzero(~characters.any(axis=1))
    return address + size * (int(ends[0]) if len(ends) else read) + size - 1

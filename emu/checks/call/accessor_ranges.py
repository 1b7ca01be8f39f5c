# SPDX-License-Identifier: GPL-2.0-or-later
"""The ranges that all accessors of a call may touch, and which accesses keep to them: native/accessor_ranges.c."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.checks.call.accessor_calls import STRING, AccessorCall, DeclaredRange
from emu.checks.call.columns import Accesses, Mask, Numbers
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.tree import CallTree

NEAR: Final = 64
"""Bytes beyond the pages of a range in which an access is still taken for one that was to be in the range."""

# native/accessor_ranges.c: flags of accesses, what is declared, what was found, and struct accessor_range.
_IN_RANGE: Final = 1
_TOUCHES_RANGE: Final = 2
_OUTSIDE: Final = 4
_DECLARED_READ: Final = 1
_DECLARED_WRITTEN: Final = 2
_ANY_OUTSIDE: Final = 1
_ANY_OUT_OF_ORDER: Final = 2
_FIELDS: Final = 7
_PARTS: Final = 5
_IS_OUT_OF_ORDER: Final = 6

_END: Final = ADDRESS_MASK + 1
_NO_NUMBERS: Final = np.zeros(0, np.int64)


class AccessorRanges:
    """What each accessor may touch of memory that is not its own, and what it did touch."""

    def __init__(self, calls: Sequence[AccessorCall], tree: CallTree, tables: NativeTables, accesses: Accesses) -> None:
        self._calls = calls
        self._tree = tree
        self._accesses = accesses
        native = load_passes()
        entered = array("q", [made.activation.number for made in calls])
        running = self._running = array("q", [-1]) * (len(tree.table) + 1)
        native.checks_running_accessors(tables.pointer, _address(entered), len(calls), _address(running))
        self.outermost: list[int] = []
        """The accessor calls that are no accessor's own."""
        self._first, self._ranges = self._of_outermost()
        self._where = array("B", [0]) * len(accesses)
        self._found: int = native.checks_accessor_ranges(
            *(tables.pointer, _address(running), _address(entered), _address(self._first), len(calls)),
            *(_address(self._ranges), NEAR, _address(self._where)),
        )

    def _of_outermost(self) -> tuple[array[int], array[int]]:
        """Find the outermost calls. Returns their ranges for the native core, behind where those of each call begin."""
        begins, fields = [0], list[int]()
        for index, made in enumerate(self._calls):
            if self._running[made.activation.number] == index:
                self.outermost.append(index)
                if made.shape.reads_string:
                    fields += _undeclared(_pages(self.strings[index]))
                for _, address, size, _, reads, writes in made.ranges:
                    what = reads * _DECLARED_READ + writes * _DECLARED_WRITTEN
                    fields += (address, min(size, _END - address), what, 0, 0, 0, 0)
                for each in made.ranges_by_address:
                    fields += _undeclared(each)
            begins.append(len(fields) // _FIELDS)
        return array("Q", begins), array("Q", fields)

    @functools.cached_property
    def running(self) -> Numbers:
        """Of each access the index of the accessor call that it belongs to, of nested ones the outermost.

        -1 for what no accessor made, and for filters and handlers: they are not the accessor's.
        """
        return self.by_activation[self._tree.owner[self._accesses.instruction]]

    @property
    def by_activation(self) -> Numbers:
        """The same of each activation, and last for what belongs to none."""
        return np.frombuffer(self._running, np.int64)

    def of(self, index: int) -> Numbers:
        """Return the indices of the accesses of one accessor call."""
        activation = self._calls[index].activation
        bounds = np.array([activation.begin, activation.end])
        first, behind = self._accesses.instruction.searchsorted(bounds).tolist()
        found: Numbers = (self.running[first:behind] == index).nonzero()[0] + first
        return found

    @functools.cached_property
    def strings(self) -> Mapping[int, DeclaredRange]:
        """The string that each call of a string length read, up to its terminator or to where the scan came to."""
        return {index: self._string(index) for index, made in enumerate(self._calls) if made.shape.reads_string}

    def _string(self, index: int) -> DeclaredRange:
        made = self._calls[index]
        address = made.arguments[STRING]
        last = end_of_string(self._accesses, self.of(index), address, 2 if "Wide" in made.accessor.name else 1)
        return DeclaredRange(STRING, address, last + 1 - address, made.is_user_side(STRING), True, False)

    @functools.cached_property
    def of_call(self) -> list[tuple[DeclaredRange, ...]]:
        """The ranges of each accessor call: those that its pointers declare, and what else it is given by address.

        Of a string, the pages that it lies on.
        """
        pages = {index: (_pages(string),) for index, string in self.strings.items()}
        return [
            (*pages.get(index, ()), *made.ranges, *made.ranges_by_address) for index, made in enumerate(self._calls)
        ]

    @property
    def inside(self) -> Mask:
        """Whether each access lies in one range of its accessor call as a whole."""
        return self._having(_IN_RANGE)

    @property
    def touching(self) -> Mask:
        """Whether each access has a byte in a range of its accessor call."""
        return self._having(_TOUCHES_RANGE)

    @property
    def outside(self) -> Numbers:
        """The accesses in no range that are to user memory, or near a range and not on the accessor's own stack.

        Its own are the home space, and 64 KiB below the return address.
        """
        return self._having(_OUTSIDE).nonzero()[0] if self._found & _ANY_OUTSIDE else _NO_NUMBERS

    def _having(self, flag: int) -> Mask:
        return np.asarray(np.frombuffer(self._where, np.uint8) & flag, bool)

    def out_of_order(self) -> Iterator[tuple[int, DeclaredRange]]:
        """Give the declared ranges that performed accesses do not go through byte by byte, from begin to end and once.

        What is declared to be read is to be read, and so is what is to be written. With each, the index of its call.
        """
        if self._found & _ANY_OUT_OF_ORDER:
            for index in self.outermost:
                for position, declared in enumerate(self._calls[index].ranges):
                    if self._field(index, position, _IS_OUT_OF_ORDER):
                        yield index, declared

    def is_in_parts(self, index: int, position: int) -> bool:
        """Tell whether several performed accesses touch a declared range and are smaller than it.

        Reads count where it is declared to be read, else writes.

        position  of the range in `AccessorCall.ranges`
        """
        return self._field(index, position, _PARTS) > 1

    def _field(self, index: int, position: int, field: int) -> int:
        # Those of a string are not in the way: its accessor declares none.
        return self._ranges[(self._first[index] + position) * _FIELDS + field]


def accesses_beside(tables: NativeTables, accesses: Accesses, ranges: Sequence[DeclaredRange]) -> Numbers:
    """Return the accesses on the pages of ranges, or less than `NEAR` bytes from these, that are in none of them."""
    taken = array("Q", [field for each in ranges for field in _undeclared(each)])
    where = array("B", [0]) * len(accesses)
    found = load_passes().checks_accesses_beside(tables.pointer, _address(taken), len(ranges), NEAR, _address(where))
    return np.frombuffer(where, np.uint8).nonzero()[0] if found else _NO_NUMBERS


def _address(numbers: array[Any]) -> int:
    return numbers.buffer_info()[0]


def _undeclared(touched: DeclaredRange) -> tuple[int, ...]:
    """Return a range for the native core that may be accessed, but need not be."""
    return touched.address, min(touched.size, _END - touched.address), 0, 0, 0, 0, 0


def _pages(string: DeclaredRange) -> DeclaredRange:
    """Return the pages that a string lies on."""
    begin, end = string.address // PAGE_SIZE * PAGE_SIZE, -(-string.end // PAGE_SIZE) * PAGE_SIZE
    return string._replace(address=begin, size=end - begin)


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes touched outside the ranges that were given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.checks.call.accessor_calls import DeclaredRange
from emu.checks.call.accessor_ranges import AccessorRanges
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Mask, Numbers
from emu.checks.call.frames import HOME_SPACE
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

NEAR: Final = 64
"""Bytes beyond the pages of a range in which an access is still taken for one that was to be in the range."""
_FEW: Final = 16
"""Accesses that are looked at one by one."""
_DEEPEST: Final = 1 << 16
"""Bytes of stack below its return address that are taken for an accessor's own."""


class OutOfRange(Check):
    """A byte is touched outside the ranges that an accessor, or a routine that the host calls, is given.

    Proves: an accessor touched user memory that is in none of its ranges, or kernel memory on the pages of one of them
    that is neither in it nor on the accessor's own stack; or a routine that the host gave buffers touched their pages
    outside of them. An access that a page fault kept from being made counts, and so does the part of a wide one that
    sticks out. A string may be read in chunks on every page that holds a byte of it.
    Cannot see: kernel memory far from every range; an access into a neighbour in the same image, unless it sticks out
    of the range or comes from an instruction that touches the range, too; what exports that the host implements touch.
    Cost: looks at the accesses of the trace, all at once.
    """

    name = "out-of-range"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once for each range that it leaves."""
        outside = np.zeros(len(call.accesses), bool)
        if call.accessor_calls:
            outside = self._outside_of_accessors(call)
            yield from self._of_accessors(call, outside.nonzero()[0])
        if call.declared and call.callee is not None and not call.is_accessor(call.callee):
            yield from self._of_buffers(call, ~outside)

    def _outside_of_accessors(self, call: CheckedCall) -> Mask:
        """Return the accesses of accessors that touch what they should not."""
        accesses, ranges = call.accesses, call.accessor_ranges
        outside = (ranges.running >= 0) & ~ranges.inside
        in_kernel = (outside & ~accesses.is_user).nonzero()[0]
        rows, address, last = self._columns(call, in_kernel)
        slots = call.frames.slot[[made.activation.number for made in call.accessor_calls]][rows]
        keeps = (address < slots + np.uint64(8 + HOME_SPACE)) & (address >= slots - np.uint64(_DEEPEST))
        outside[in_kernel[keeps]] = False
        in_kernel = in_kernel[~keeps]
        if not len(in_kernel):
            return outside
        rows, address, last = self._columns(call, in_kernel)
        keeps = ~_are_near(ranges, rows, address, last)
        outside[in_kernel[keeps]] = False
        if keeps.all():
            return outside
        in_image = in_kernel[~keeps & _in_images(call, address) & ~ranges.touching[in_kernel]]
        outside[in_image[~self._walks(call, in_image)]] = False
        return outside

    def _columns(self, call: CheckedCall, numbers: Numbers) -> tuple[Numbers, np.ndarray, np.ndarray]:
        """Return of some accesses the accessor call, the first and the last byte."""
        accesses = call.accesses
        return call.accessor_ranges.running[numbers], accesses.address[numbers], accesses.last[numbers]

    def _walks(self, call: CheckedCall, numbers: Numbers) -> Mask:
        """Tell which accesses come from an instruction that touches the ranges of the same accessor call, too."""
        ranges, rip = call.accessor_ranges, call.accesses.rip
        if not len(numbers):
            return np.zeros(0, bool)
        pairs = np.column_stack([ranges.running.astype(np.uint64), rip])
        touching = set(map(tuple, np.unique(pairs[ranges.touching], axis=0).tolist()))
        return np.array([tuple(pair) in touching for pair in pairs[numbers].tolist()], bool)

    def _of_accessors(self, call: CheckedCall, numbers: Numbers) -> Iterator[Finding]:
        accesses, ranges = call.accesses, call.accessor_ranges
        for number, count in _first_of_each(accesses.rip, numbers):
            index = int(ranges.running[number])
            made = call.accessor_calls[index]
            left = _nearest(ranges.of_call[index], int(accesses.address[number]))
            does = "reads" if accesses.is_read[number] else "writes"
            where = "memory that it is not given" if left is None else _beyond(left, int(accesses.address[number]))
            yield call.finding(
                self.name,
                f"{made.name} {does} {where}",
                int(accesses.instruction[number]),
                _evidence(call, number, count, left),
            )

    def _of_buffers(self, call: CheckedCall, considered: Mask) -> Iterator[Finding]:
        accesses = call.accesses
        inside = np.zeros(len(accesses), bool)
        near = np.zeros(len(accesses), bool)
        for each in call.declared:
            begin, end = _pages(each)
            near |= accesses.touching(begin, end - begin)
            inside |= (accesses.address >= np.uint64(each.address)) & (accesses.last < np.uint64(each.end))
        found = (considered & near & ~inside).nonzero()[0]
        if not len(found):
            return
        by_accessor = call.accessor_ranges.running[found]
        yield from self._given_too_much(call, found[by_accessor >= 0])
        for number, count in _first_of_each(accesses.rip, found[by_accessor < 0]):
            address = int(accesses.address[number])
            left = _nearest(call.declared, address)
            assert left is not None
            does = "reads" if accesses.is_read[number] else "writes"
            evidence = _evidence(call, number, count, left)[:1]
            at = int(accesses.instruction[number])
            yield call.finding(self.name, f"{does} {_beyond(left, address)}", at, evidence)

    def _given_too_much(self, call: CheckedCall, numbers: Numbers) -> Iterator[Finding]:
        """Report accessors that keep to their ranges, which are larger than the buffers of the host."""
        rows, addresses = call.accessor_ranges.running[numbers], call.accesses.address[numbers]
        for index in np.unique(rows).tolist():
            made = call.accessor_calls[index]
            for given in made.ranges:  # none for a string: it ends where it ends
                its = addresses[
                    (rows == index) & (addresses >= given.address) & (addresses - given.address < given.size)
                ]
                left = _nearest(call.declared, int(its[0])) if len(its) else None
                if left is not None:
                    beyond = _beyond(left, int(its[0]))
                    message = f"{made.name} is given a {given.name} that reaches {beyond}"
                    yield call.finding_at_call(self.name, message, made.activation, [_extent(call, given)])


def _are_near(ranges: AccessorRanges, rows: Numbers, address: np.ndarray, last: np.ndarray) -> Mask:
    """Tell which accesses lie near a range of their accessor call."""
    if len(rows) <= _FEW:
        columns = zip(rows.tolist(), address.tolist(), last.tolist(), strict=True)
        return np.array([_is_near(ranges.of_call[row], begin, end) for row, begin, end in columns], bool)
    near = np.zeros(len(rows), bool)
    for first, end in _neighbourhoods(ranges.first, ranges.last):
        near |= (last >= first[rows]) & (address <= end[rows])
    return near


def _is_near(ranges: Sequence[DeclaredRange], address: int, last: int) -> bool:
    return any(begin <= last and address < end for begin, end in (_pages(each) for each in ranges if each.size > 0))


def _neighbourhoods(first: np.ndarray, last: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give for each column of ranges the first and the last byte that count as near each of them."""
    for column in range(first.shape[1]):
        begin, end = first[:, column], last[:, column]
        is_there = begin <= end
        page = np.uint64(PAGE_SIZE - 1)
        below = (begin & ~page) - np.minimum(begin & ~page, np.uint64(NEAR))
        above = (end | page) + np.minimum(np.uint64(ADDRESS_MASK) - (end | page), np.uint64(NEAR))
        yield np.where(is_there, below, np.uint64(ADDRESS_MASK)), np.where(is_there, above, np.uint64(0))


def _in_images(call: CheckedCall, address: np.ndarray) -> Mask:
    found = np.zeros(len(address), bool)
    for module in call.modules:
        found |= (address >= np.uint64(module.base)) & (address < np.uint64(module.base + module.size))
    return found


def _first_of_each(rips: np.ndarray, numbers: Numbers) -> Iterable[tuple[int, int]]:
    """Return the first access of each instruction, and how many it made."""
    if not len(numbers):
        return []
    _, firsts, counts = np.unique(rips[numbers], return_index=True, return_counts=True)
    return sorted(zip(numbers[firsts].tolist(), counts.tolist(), strict=True))


def _pages(declared: DeclaredRange) -> tuple[int, int]:
    begin = declared.address // PAGE_SIZE * PAGE_SIZE
    return begin - NEAR, -(-max(declared.end, declared.address + 1) // PAGE_SIZE) * PAGE_SIZE + NEAR


def _nearest(ranges: Sequence[DeclaredRange], address: int) -> DeclaredRange | None:
    """Return the range that an address is nearest to, None where it is near none."""
    near = [each for each in ranges if _pages(each)[0] <= address < _pages(each)[1]]
    return min(near, key=lambda each: max(each.address - address, address - each.end + 1), default=None)


def _beyond(left: DeclaredRange, address: int) -> str:
    return f"{'before the beginning' if address < left.address else 'past the end'} of {left.name}"


def _extent(call: CheckedCall, declared: DeclaredRange) -> str:
    return f"{declared.name} is {_bytes(declared.size)} from {call.data(declared.address)} on"


def _evidence(call: CheckedCall, number: int, count: int, left: DeclaredRange | None) -> list[str]:
    address, size = int(call.accesses.address[number]), int(call.accesses.size[number])
    times = "" if count == 1 else f"; the first of {count:,} such accesses"
    if left is None:
        return [f"{_bytes(size)} from {call.data(address)} on{times}"]
    before, behind = left.address - address, address + size - left.end
    if before >= size:
        where = f"{_bytes(before)} before the first byte"
    elif behind >= size:
        where = f"{behind - size} behind the last byte" if behind > size else "right behind the last byte"
    else:
        where = f"the first {before} of them outside" if before > 0 else f"the last {behind} of them outside"
    what = "a page fault" if _is_fault(call, number) else _bytes(size)
    return [f"{what}, {where}{times}", _extent(call, left)]


def _is_fault(call: CheckedCall, number: int) -> bool:
    return not call.accesses.performed[number] and int(call.accesses.size[number]) == 1


def _bytes(size: int) -> str:
    return f"{size} byte{'' if size == 1 else 's'}"

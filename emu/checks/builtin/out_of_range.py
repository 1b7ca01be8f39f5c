# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes touched outside the ranges that were given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from emu.address import PAGE_SIZE
from emu.checks.call.accessor_calls import DeclaredRange
from emu.checks.call.accessor_ranges import NEAR, accesses_beside
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Mask, Numbers
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_NONE: Final = np.zeros(0, np.int64)


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
        outside = call.accessor_ranges.outside if call.accessor_calls else _NONE
        if len(outside):
            outside = outside[~self._are_neighbours(call, outside)]
            yield from self._of_accessors(call, outside)
        if call.declared and call.callee is not None and not call.is_accessor(call.callee):
            beside = accesses_beside(call.native_tables, call.accesses, call.declared)
            if len(beside):
                yield from self._of_buffers(call, beside[~np.isin(beside, outside)])

    def _are_neighbours(self, call: CheckedCall, numbers: Numbers) -> Mask:
        """Tell which accesses are to a neighbour of a range in the same image.

        None is that sticks out of a range, or whose instruction touches the ranges of the same accessor call, too.
        """
        accesses, ranges = call.accesses, call.accessor_ranges
        touching = ranges.touching
        found = ~accesses.is_user[numbers] & ~touching[numbers] & _in_images(call, accesses.address[numbers])
        in_image = found.nonzero()[0]
        if len(in_image):
            pairs = np.column_stack([ranges.running.astype(np.uint64), accesses.rip])
            walking = set(map(tuple, np.unique(pairs[touching], axis=0).tolist()))
            found[in_image] = [tuple(pair) not in walking for pair in pairs[numbers[in_image]].tolist()]
        return found

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

    def _of_buffers(self, call: CheckedCall, found: Numbers) -> Iterator[Finding]:
        accesses = call.accesses
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

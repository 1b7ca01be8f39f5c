# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract of the accessors as a model in Python: what a call with given arguments must do.

It knows the documented table, what memory holds and what state one page is in; it knows nothing of the routines. What
it says is what emu/accessors/clauses.py has as sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from emu.accessors import Accessor
from emu.address import PAGE_SIZE
from emu.nt.bugcheck import BugCheck
from emu.nt.status import NtStatus
from tests.conformance.accessors.arenas import LIMIT, Memory
from tests.conformance.accessors.terms import (
    DEVICE_FAILED,
    READ,
    WRITE,
    Bugchecks,
    Circumstances,
    Ending,
    Expected,
    Given,
    Kind,
    Landed,
    Page,
    Raises,
    Returns,
    is_user_mode,
    kind_of,
    width_of,
)

MISSING: Final = 64
"""Fewer bytes than this may be missing before a faulting one: a wide step loads before it stores."""
CHUNK: Final = 16
"""What a scan for a terminator may read at once, aligned."""
FAST_FAIL_KERNEL_POINTER_EXPECTED: Final = 77


class _Side(NamedTuple):
    """A range that a call accesses."""

    address: int
    size: int
    operation: int
    is_user: bool
    """The routine checks it, and opens the SMAP window for it."""


def expect(accessor: Accessor, given: Given, memory: Memory, page: Page, now: Circumstances) -> Expected:
    """Return what a call must do. At most one page of the arenas is not resident and writable."""
    kind = kind_of(accessor)
    if kind is Kind.FILTER:
        return Expected(Returns(int(is_user_mode(given.mode)), 4))
    if kind is Kind.FAST_FAIL:
        return Expected(_fast_fail() if given.source < LIMIT else Returns())
    if now.checks_kernel_pointers and _names_user_memory_in_kernel_mode(accessor, given):
        return Expected(_fast_fail())
    if kind is Kind.STRING_LENGTH:
        ending = _string_length(accessor, given, memory, page, now)
        scanned = (ending.value + 1) * _character(accessor) if isinstance(ending, Returns) else 0
        return Expected(ending, None, _pages_in(page, given.source, scanned))
    sides = tuple(_sides(accessor, kind, given))
    if not any(side.size for side in sides):
        return Expected(Returns())
    refused = _misaligned(accessor, kind, given, sides) if kind is not Kind.INTERLOCKED else None
    refused = refused or next(filter(None, map(_outside_user_memory, sides)), None)
    if kind is Kind.INTERLOCKED:
        refused = refused or _misaligned(accessor, kind, given, sides)
    if refused is not None:
        return Expected(refused)
    writes, result = _effect(accessor, kind, given, memory)
    for side in sides:
        at = _first_byte_not_there(side, memory, page)
        fault = _plain_access_fault(side, sides, now) or _page_fault(side, at, page, now)
        if fault is not None:
            fault = _anywhere(fault, side, at) if kind is Kind.MOVE else fault
            return Expected(fault, _partial(kind, writes, 0 if at is None else at - side.address))
    landed = None if writes is None else Landed(*writes, len(writes[1]), len(writes[1]))
    return Expected(result, landed, any(_pages_in(page, side.address, side.size) for side in sides))


def _sides(accessor: Accessor, kind: Kind, given: Given) -> Iterator[_Side]:
    """Give the ranges in the order in which they are checked: the source is read first."""
    size = width_of(accessor) or given.length
    if kind in (Kind.READ, Kind.COPY, Kind.MOVE):
        yield _Side(given.source, size, READ, _is_checked(accessor, ("Source", "Address"), given))
    if kind is not Kind.READ:
        yield _Side(given.target, size, WRITE, _is_checked(accessor, ("Destination", "Address"), given))


def _is_checked(accessor: Accessor, names: tuple[str, ...], given: Given) -> bool:
    for parameter in accessor.parameters:
        if parameter.name in names:
            return parameter.side == "user" or (parameter.side == "mode" and is_user_mode(given.mode))
    return False  # the descriptor by value, or the result: kernel memory


def _names_user_memory_in_kernel_mode(accessor: Accessor, given: Given) -> bool:
    if is_user_mode(given.mode):
        return False
    chosen = next((parameter for parameter in accessor.parameters if parameter.side == "mode"), None)
    if chosen is None:
        return False
    return (given.target if chosen.name == "Destination" else given.source) < LIMIT


def _fast_fail() -> Bugchecks:
    return Bugchecks(BugCheck.KERNEL_SECURITY_CHECK_FAILURE, (FAST_FAIL_KERNEL_POINTER_EXPECTED, None, None, None))


def _misaligned(accessor: Accessor, kind: Kind, given: Given, sides: tuple[_Side, ...]) -> Raises | None:
    """The Aligned macros probe what Mode says is the user's; interlocked operations, their destination."""
    if kind is Kind.INTERLOCKED:
        alignment, probed = width_of(accessor), sides[0]
    elif accessor.name.endswith("Aligned"):
        alignment, probed = given.alignment, sides[1 if "To" in accessor.name else 0]
    else:
        return None
    if probed.is_user and probed.address % alignment:
        return Raises(NtStatus.DATATYPE_MISALIGNMENT)
    return None


def _outside_user_memory(side: _Side) -> Raises | None:
    """The whole range must lie below the limit; the address is the first byte that does not."""
    if not side.is_user or not side.size or side.address + side.size <= LIMIT:
        return None
    first = max(side.address, LIMIT)
    return Raises(NtStatus.ACCESS_VIOLATION, side.operation, first, first)


def _effect(accessor: Accessor, kind: Kind, given: Given, memory: Memory) -> tuple[tuple[int, bytes] | None, Returns]:
    """Return what is written where if nothing fails, and what is returned."""
    width = width_of(accessor)
    if kind is Kind.READ:
        return None, Returns(_number(memory.read(given.source, width)), width)
    if kind is Kind.WRITE:
        return (given.target, (given.value & _mask(width)).to_bytes(width, "little")), Returns()
    if kind is Kind.FILL:
        fill = 0 if "Zero" in accessor.name else given.value & 0xFF
        return (given.target, bytes((fill,)) * _in_memory(given.length)), Returns()
    if kind is Kind.INTERLOCKED:
        before = _number(memory.read(given.target, width))
        after = interlocked(accessor.name, before, given.value & _mask(width), given.comperand & _mask(width))
        return (given.target, after.to_bytes(width, "little")), Returns(before, width)
    data = memory.read(given.source, _in_memory(width or given.length))
    if "UnicodeString" in accessor.name and accessor.name.startswith("Read"):
        return (given.target, data), Returns(given.target, 8)
    return (given.target, data), Returns()


def interlocked(name: str, before: int, value: int, comperand: int) -> int:
    """Return what an interlocked operation leaves."""
    if "And" in name:
        return before & value
    if "Or" in name:
        return before | value
    return value if before == comperand else before


def _in_memory(length: int) -> int:
    """Lengths that reach over the limit move nothing, and no model holds so many bytes."""
    return length if length <= 0x10000 else 0


def _mask(width: int) -> int:
    return (1 << 8 * width) - 1


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _plain_access_fault(side: _Side, sides: tuple[_Side, ...], now: Circumstances) -> Ending | None:
    """KernelMode and a user pointer: where SMAP is enforced the access is a bugcheck, unless the window is open."""
    window_is_open = any(each.is_user for each in sides)
    if side.address >= LIMIT or window_is_open or not now.smap_enforced:
        return None
    return Bugchecks(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (side.address, 2 * side.operation, None, 0xF))


def _first_byte_not_there(side: _Side, memory: Memory, page: Page) -> int | None:
    """Return the first byte of a range that is not just there, on the chosen page or where nothing is mapped."""
    at = page.overlap(side.address, side.size)
    return memory.first_missing(side.address, side.size) if at is None else at


def _page_fault(side: _Side, at: int | None, page: Page, now: Circumstances) -> Ending | None:
    """Return what the processor's fault at a byte becomes, None where there is none."""
    if at is None:
        return None
    if not page.holds(at):
        page = Page(at & -PAGE_SIZE, "unmapped")
    if not page.stops(side.operation) and not (page.state == "paged-out" and now.irql >= 2):
        return None
    if page.state == "ro" and at >= LIMIT:
        return Bugchecks(BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY, (at, None, None, None))
    if now.irql >= 2:
        return _fault_above_apc_level(at, side.operation, now)
    if at >= LIMIT:
        if page.state == "in-page-error":
            return Bugchecks(BugCheck.KERNEL_DATA_INPAGE_ERROR, (None, DEVICE_FAILED, None, at))
        return Bugchecks(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (at, 2 * side.operation, None, None))
    return _user_fault(at, side.operation, page)


def _fault_above_apc_level(at: int, operation: int, now: Circumstances) -> Bugchecks:
    in_kernel = now.faults_in_kernel_image
    code = BugCheck.IRQL_NOT_LESS_OR_EQUAL if in_kernel else BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL
    return Bugchecks(code, (at, now.irql, operation, None))


def _user_fault(at: int, operation: int, page: Page) -> Raises:
    if page.state == "guard":
        return Raises(NtStatus.GUARD_PAGE_VIOLATION, operation, at, at, trapped=True)
    if page.state == "in-page-error":
        return Raises(NtStatus.IN_PAGE_ERROR, operation, at, at, (DEVICE_FAILED,), trapped=True)
    return Raises(NtStatus.ACCESS_VIOLATION, operation, at, at, trapped=True)


def _anywhere(fault: Ending, side: _Side, at: int | None) -> Ending:
    """A move may go either way, so that any byte of the range that lies on the page may be the first."""
    if not isinstance(fault, Raises) or at is None:
        return fault
    return fault._replace(highest=min(side.address + side.size, (at & -PAGE_SIZE) + PAGE_SIZE) - 1)


def _partial(kind: Kind, writes: tuple[int, bytes] | None, done: int) -> Landed | None:
    """Return what of the effect may be there after a fault before which so many bytes were accessible."""
    if writes is None:
        return None
    address, data = writes
    if kind in (Kind.WRITE, Kind.INTERLOCKED):
        return Landed(address, data, 0, 0)  # one access: nothing
    if kind is Kind.MOVE:
        return Landed(address, data, 0, len(data), in_order=False)
    return Landed(address, data, max(0, done - MISSING + 1), done)


def _pages_in(page: Page, address: int, size: int) -> bool:
    return page.state == "paged-out" and page.overlap(address, size) is not None


def _character(accessor: Accessor) -> int:
    return 2 if "Wide" in accessor.name else 1


def _string_length(accessor: Accessor, given: Given, memory: Memory, page: Page, now: Circumstances) -> Ending:
    """Scan as a loop over characters would."""
    width = _character(accessor)
    is_user = _is_checked(accessor, ("String",), given)
    at = given.source
    if is_user and at >= LIMIT:
        return Raises(NtStatus.ACCESS_VIOLATION, READ, at, at)
    string = _Side(at, width, READ, is_user)
    if fault := _plain_access_fault(string, (string,), now):
        return fault
    count = 0
    while True:
        for byte in range(at, at + width):
            if byte == LIMIT and is_user:
                return Raises(NtStatus.ACCESS_VIOLATION, READ, LIMIT, LIMIT)
            side = _Side(byte, 1, READ, is_user)
            fault = _page_fault(side, _first_byte_not_there(side, memory, page), page, now)
            if isinstance(fault, Raises):
                return fault._replace(lowest=max(byte & -CHUNK, byte & -PAGE_SIZE))
            if fault is not None:
                return fault
        if not any(memory.read(at, width)):
            return Returns(count, 8)
        count, at = count + 1, at + width

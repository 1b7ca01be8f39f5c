# SPDX-License-Identifier: GPL-2.0-or-later
"""A source, a target and a routine that copies from one to the other, checked to the byte."""

from collections.abc import Callable
from typing import NamedTuple

from emu import Machine, NtStatus, Raised, Returned
from emu.address import Gva
from emu.outcome import Outcome

MARGIN = 64
"""Bytes of poison on both sides of the target."""
POISON = 0xCC
PAGE = 0x1000
MISSING = 64
"""Fewer bytes than this may be missing before a faulting one: a wide step loads before it stores."""


def pattern(size: int) -> bytes:
    """Return bytes of which none is poison, and none equals one of its 198 neighbours."""
    return bytes((index * 7 + index // 199 * 13) % 199 for index in range(size))


class Extent(NamedTuple):
    """The instructions of a function."""

    begin: Gva
    end: Gva

    def holds(self, address: int) -> bool:
        return self.begin <= address < self.end


def extent_of(machine: Machine, name: str) -> Extent:
    """Return where the function lies that a call of the name calls."""
    address = machine.resolve(name)
    module = next(module for module in machine.modules if module.contains(address))
    function = module.find_function(address)
    assert function is not None, f"{name} has no unwind data"
    return Extent(Gva(module.base + function.begin), Gva(module.base + function.end))


class Copies:
    """Copies of up to `longest` bytes in one machine, source and target at any offset below 16."""

    def __init__(self, machine: Machine, longest: int, routine: str = "CopyFromUser") -> None:
        self.machine = machine
        self.routine = machine.resolve(routine)
        self.data = pattern(MARGIN + 16 + longest + MARGIN)
        self.poison = bytes((POISON,)) * len(self.data)
        self.source = machine.user.alloc(self.data)
        self.target = machine.kernel.alloc(self.poison)

    def copy(self, length: int, source_offset: int = 0, target_offset: int = 0) -> None:
        """Copy once, and check the outcome, the target, the poison around it, and the source."""
        source, target = MARGIN + source_offset, MARGIN + target_offset
        self.target.write(self.poison)
        outcome = self.machine.call(self.routine, self.target.address + target, self.source.address + source, length)
        case = f"length {length}, source +{source_offset}, target +{target_offset}"
        assert type(outcome) is Returned, f"{case}: {outcome}"
        poison = self.poison
        expected = poison[:target] + self.data[source : source + length] + poison[target + length :]
        assert self.target.read() == expected, case
        assert self.source.read() == self.data, case


class BadPage(NamedTuple):
    """A state of the page that the next byte lies on, and what a read of it gives."""

    name: str
    set: Callable[[Machine, int], None]
    code: NtStatus | None
    """None: the copy completes."""
    status: tuple[int, ...] = ()
    """What the exception record says besides operation and address."""
    raises_once: bool = False


DEVICE_FAILED = 0xC000_0185
"""STATUS_IO_DEVICE_ERROR: not the status that `fail_page_in` takes by default."""

PAGE_STATES = (
    BadPage("resident", lambda machine, page: machine.user.protect(page, "rw"), None),
    BadPage("ro", lambda machine, page: machine.user.protect(page, "ro"), None),
    BadPage("paged-out", lambda machine, page: machine.user.page_out(page), None),
    BadPage("unmapped", lambda machine, page: machine.user.unmap(page), NtStatus.ACCESS_VIOLATION),
    BadPage("none", lambda machine, page: machine.user.protect(page, "none"), NtStatus.ACCESS_VIOLATION),
    BadPage("guard", lambda machine, page: machine.user.guard(page), NtStatus.GUARD_PAGE_VIOLATION, raises_once=True),
    BadPage(
        "in-page-error",
        lambda machine, page: machine.user.fail_page_in(page, DEVICE_FAILED),
        NtStatus.IN_PAGE_ERROR,
        (DEVICE_FAILED,),
    ),
)
"""Every state of the design's table, for a read."""

RAISING = tuple(state for state in PAGE_STATES if state.code is not None)


def assert_landed(target: bytes, data: bytes, byte: int, case: str) -> int:
    """Check what a copy that failed at `byte` has written, and return how many bytes landed.

    Ascending order; fewer than 64 bytes before the faulting one may be missing, everything earlier has landed,
    nothing at or after it is written. `target` begins where the copy does and ends with poison.
    """
    landed = next((index for index in range(byte) if target[index] != data[index]), byte)
    assert landed > byte - MISSING, f"{case}: only {landed} bytes landed"
    assert target[landed:] == bytes((POISON,)) * (len(target) - landed), f"{case}: written at or after byte {byte}"
    return landed


class FaultingCopies:
    """Copies whose source crosses from a good page into one of some state, at any byte of the copy.

    All in one machine, with no reset in between.
    """

    def __init__(self, machine: Machine, longest: int, routine: str = "CopyFromUser") -> None:
        self.machine = machine
        self.routine = machine.resolve(routine)
        self.extent = extent_of(machine, routine)
        before = -(-longest // PAGE) * PAGE
        self.data = pattern(before + 2 * PAGE)
        self.source = machine.user.alloc(self.data)
        self.bad_page = Gva(self.source.address + before)
        self.poison = bytes((POISON,)) * (MARGIN + 16 + longest + MARGIN)
        self.target = machine.kernel.alloc(self.poison)

    def call(self, length: int, byte: int, target_offset: int = 0) -> Outcome:
        """Copy with byte `byte` of the copy as the first of the bad page."""
        self.target.write(self.poison)
        return self.machine.call(
            self.routine, self.target.address + MARGIN + target_offset, self.bad_page - byte, length
        )

    def copied(self, length: int, byte: int) -> bytes:
        """Return what that copy would copy."""
        start = self.bad_page - byte - self.source.address
        return self.data[start : start + length]

    def check(self, state: BadPage, length: int, byte: int, target_offset: int = 0) -> None:
        """Set the page's state, copy, and check outcome, record, landed bytes, poison and source."""
        state.set(self.machine, self.bad_page)
        outcome = self.call(length, byte, target_offset)
        case = f"{state.name}, length {length}, byte {byte}, target +{target_offset}"
        if state.code is None:
            self._check_complete(outcome, length, byte, target_offset, case)
            return
        self.check_raised(outcome, state, case)
        self.check_landed(length, byte, target_offset, case)
        if state.raises_once:
            self._check_complete(self.call(length, byte, target_offset), length, byte, target_offset, case)

    def check_raised(self, outcome: Outcome, state: BadPage, case: str) -> None:
        """Check the exception record of a read of the bad page's first byte."""
        assert type(outcome) is Raised, f"{case}: {outcome}"
        record = outcome.record
        assert record.code == state.code, f"{case}: {outcome}"
        assert record.information == (0, self.bad_page, *state.status), f"{case}: {outcome}"
        assert (record.fault_address, record.operation) == (self.bad_page, "read"), f"{case}: {outcome}"
        assert self.extent.holds(record.exception_address), f"{case}: {outcome}"

    def check_landed(self, length: int, byte: int, target_offset: int, case: str) -> int:
        """Check the target of a copy that failed at `byte`, and the source; return how many bytes landed."""
        at = MARGIN + target_offset
        target = self.target.read()
        assert target[:at] == self.poison[:at], f"{case}: written before the target"
        assert self.source.read() == self.data, f"{case}: the source was written"
        return assert_landed(target[at:], self.copied(length, byte), byte, case)

    def _check_complete(self, outcome: Outcome, length: int, byte: int, target_offset: int, case: str) -> None:
        assert type(outcome) is Returned, f"{case}: {outcome}"
        at = MARGIN + target_offset
        expected = self.poison[:at] + self.copied(length, byte) + self.poison[at + length :]
        assert self.target.read() == expected, case
        assert self.source.read() == self.data, case

# SPDX-License-Identifier: GPL-2.0-or-later
"""CopyFromUser with a page boundary at every byte, and the next page in every state.

The alignment of the source follows from the byte that begins the page; what can be chosen is the target's. Each test
is one machine with no reset in between, except where a bugcheck asks for one.
"""

from collections.abc import Iterator

import pytest

from emu import Bugchecked, Machine, NtStatus, Returned
from emu.address import Gva
from emu.nt.bugcheck import BugCheck
from emu.outcome import Outcome
from tests.guest.copies import (
    PAGE,
    PAGE_STATES,
    POISON,
    BadPage,
    FaultingCopies,
    assert_landed,
    extent_of,
    pattern,
)
from tests.guest.machines import EVERY_KIND

LONGEST = 128
SAMPLE_LENGTHS = (1, 2, 15, 16, 17, 63, 64, 65, 127, 128)


def _every_byte(lengths: range | tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return ((length, byte) for length in lengths for byte in range(length))


@pytest.mark.parametrize("state", PAGE_STATES, ids=lambda state: state.name)
def test_every_byte_of_every_length(machine: Machine, state: BadPage) -> None:
    """Every length 1 to 128 and every byte of it, each with one alignment of the target, all of them in turn.

    Right exception with code, operation and address; the landed prefix that the contract allows; paged out, the
    copy completes; a guard page lets the second call through. The sweep has all alignments, on every kind of profile.
    """
    copies = FaultingCopies(machine, LONGEST)
    for length, byte in _every_byte(range(1, LONGEST + 1)):
        copies.check(state, length, byte, (5 * length + byte) % 16)


@pytest.mark.parametrize("machine", [profile for profile in EVERY_KIND if profile != "skylake-server"], indirect=True)
@pytest.mark.parametrize("state", PAGE_STATES, ids=lambda state: state.name)
def test_every_kind_of_profile(machine: Machine, state: BadPage) -> None:
    """Every byte of lengths around 1, 16, 64 and 128, the target at offsets 0 and 9."""
    copies = FaultingCopies(machine, LONGEST)
    for length, byte in _every_byte(SAMPLE_LENGTHS):
        copies.check(state, length, byte)
        copies.check(state, length, byte, 9)


@pytest.mark.sweep
@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
@pytest.mark.parametrize("state", PAGE_STATES, ids=lambda state: state.name)
def test_every_byte_of_every_length_at_every_alignment(machine: Machine, state: BadPage) -> None:
    """Every length 1 to 128 × every byte of it × every alignment of the target: 132,096 experiments a case.

    The source's alignment is minus the byte, so every pair of alignments is among them.
    """
    copies = FaultingCopies(machine, LONGEST)
    for length, byte in _every_byte(range(1, LONGEST + 1)):
        for target_offset in range(16):
            copies.check(state, length, byte, target_offset)


LONG_LENGTHS = (511, 512, 513, 575, 576, 1000, PAGE, PAGE + 65)


@pytest.mark.parametrize("machine", ["nehalem", "skylake-server", "epyc-rome"], indirect=True)
@pytest.mark.parametrize("state", PAGE_STATES, ids=lambda state: state.name)
def test_long_copies(machine: Machine, state: BadPage) -> None:
    """Lengths from 511 to over a page, on the wide path and by `rep movsb`: the first and last bytes, some between."""
    copies = FaultingCopies(machine, max(LONG_LENGTHS))
    for length in LONG_LENGTHS:
        for byte in sorted({0, 1, 15, 63, 64, 65, 255, 447, 448, 449, length // 2, length - 64, length - 1}):
            copies.check(state, length, byte, byte % 16)


def test_rep_movsb_stops_at_the_exact_byte(machine: Machine) -> None:
    """By `rep movsb` every byte before the faulting one lands; the wide path may miss up to 63 of them."""
    copies = FaultingCopies(machine, 1000)
    copies.machine.user.unmap(copies.bad_page)
    for byte in range(0, 1000, 37):
        copies.call(1000, byte)
        assert copies.check_landed(1000, byte, 0, f"byte {byte}") == byte


@pytest.mark.parametrize("machine", ["nehalem"], indirect=True)
@pytest.mark.parametrize("length", [64, 128, 150])
def test_wide_path_stops_after_whole_steps(machine: Machine, length: int) -> None:
    """A fault in a wide step leaves whole steps of 64 behind it, one in the last bytes is exact."""
    copies = FaultingCopies(machine, length)
    copies.machine.user.unmap(copies.bad_page)
    for byte in range(length):
        copies.call(length, byte)
        landed = copies.check_landed(length, byte, 0, f"byte {byte}")
        assert landed == (byte // 64 * 64 if byte < length // 64 * 64 else byte)


@pytest.mark.parametrize("machine", ["nehalem", "skylake-server"], indirect=True)
@pytest.mark.parametrize("state", PAGE_STATES, ids=lambda state: state.name)
def test_bad_page_between_good_ones(machine: Machine, state: BadPage) -> None:
    """The copy reaches over the bad page into a good one: it stops, or goes on, at the bad one's first byte."""
    copies = FaultingCopies(machine, 2 * PAGE)
    for byte in (0, 1, 15, 16, 63, 64, 100, 1000):
        copies.check(state, byte + PAGE + 100, byte)


class _FaultingTarget:
    """Copies whose target crosses into a bad page."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.extent = extent_of(self.machine, "CopyFromUser")
        self.data = pattern(1024)
        self.allocate()

    def allocate(self) -> None:
        self.source_buffer = self.machine.user.alloc(self.data)
        self.target = self.machine.kernel.alloc(bytes((POISON,)) * 2 * PAGE)
        self.bad_page = Gva(self.target.address + PAGE)

    def call(self, length: int, byte: int) -> Outcome:
        return self.machine.call("CopyFromUser", self.bad_page - byte, self.source_buffer, length)

    def check_bugcheck(self, outcome: Outcome, code: BugCheck, length: int, byte: int) -> tuple[int, int, int, int]:
        """Check what is left behind by a stop at `byte`; boot again, and return the parameters."""
        case = f"length {length}, byte {byte}"
        assert type(outcome) is Bugchecked, f"{case}: {outcome}"
        assert outcome.code == code, f"{case}: {outcome}"
        target = self.target.read()
        assert target[: PAGE - byte] == bytes((POISON,)) * (PAGE - byte), f"{case}: written before the target"
        assert_landed(target[PAGE - byte :], self.data, byte, case)
        self.machine.reset()
        self.allocate()
        return outcome.parameters


TARGET_CASES = [
    (length, byte) for length in (1, 16, 63, 64, 65, 128, 600) for byte in range(0, length, 1 + length // 16)
]


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
@pytest.mark.parametrize("state", ["unmapped", "none", "guard"])
def test_absent_target_page(machine: Machine, state: str) -> None:
    """A kernel page that is not there is a bugcheck 0x50, never an exception: {address, 2 = write, RIP, 0}."""
    copies = _FaultingTarget(machine)
    for length, byte in TARGET_CASES:
        kernel = copies.machine.kernel
        if state == "unmapped":
            kernel.unmap(copies.bad_page)
        elif state == "none":
            kernel.protect(copies.bad_page, "none")
        else:
            kernel.guard(copies.bad_page)
        bad_page, outcome = copies.bad_page, copies.call(length, byte)
        address, operation, rip, kind = copies.check_bugcheck(
            outcome, BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, length, byte
        )
        assert (address, operation, kind) == (bad_page, 2, 0)
        assert copies.extent.holds(rip)


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_read_only_target_page(machine: Machine) -> None:
    """A write to a read-only kernel page is a bugcheck 0xBE: {address, PTE, ...}."""
    copies = _FaultingTarget(machine)
    for length, byte in TARGET_CASES:
        copies.machine.kernel.protect(copies.bad_page, "ro")
        bad_page, outcome = copies.bad_page, copies.call(length, byte)
        address, entry, *_ = copies.check_bugcheck(outcome, BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY, length, byte)
        assert address == bad_page
        assert entry & 0b111 == 0b001, "present, not writable, supervisor"


def test_target_page_that_cannot_be_read_in(machine: Machine) -> None:
    """An in-page error of a kernel page is a bugcheck 0x7A with the status and the address."""
    copies = _FaultingTarget(machine)
    for length, byte in TARGET_CASES:
        copies.machine.kernel.fail_page_in(copies.bad_page, NtStatus.IN_PAGE_ERROR)
        bad_page, outcome = copies.bad_page, copies.call(length, byte)
        parameters = copies.check_bugcheck(outcome, BugCheck.KERNEL_DATA_INPAGE_ERROR, length, byte)
        assert parameters[1] == NtStatus.IN_PAGE_ERROR
        assert parameters[3] == bad_page


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_paged_out_target_and_source(machine: Machine) -> None:
    """Both boundaries at the same byte, both pages paged out: they come back in turn, and the copy is exact."""
    data, poison = pattern(2 * PAGE), bytes((POISON,)) * 2 * PAGE
    source, target = machine.user.alloc(data), machine.kernel.alloc(poison)
    for length in (1, 16, 64, 65, 128, 600):
        for byte in range(0, length, 1 + length // 32):
            target.write(poison)
            machine.user.page_out(source)
            machine.kernel.page_out(target)
            start = PAGE - byte
            outcome = machine.call("CopyFromUser", target.address + start, source.address + start, length)
            assert type(outcome) is Returned, str(outcome)
            assert target.read() == poison[:start] + data[start : start + length] + poison[start + length :]

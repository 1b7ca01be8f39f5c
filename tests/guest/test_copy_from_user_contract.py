# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract of CopyFromUser, clause by clause, as far as it can be observed without a trace.

What needs one is left to the checks: how often a byte was read (C6), and by which instruction a resident one was (C4).
Compilation with link-time optimisation (C3) is nothing that `build_guest` offers.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from emu import Bugchecked, Machine, NtStatus, Profile, Raised, Returned, build_guest
from emu.cpu.registers import FLAG_AC
from emu.events import ExecutionContinued, PagedIn, TrapTaken
from emu.image import Module
from emu.nt.bugcheck import BugCheck
from emu.testing.guest import Guest
from tests.guest.copies import PAGE, PAGE_STATES, POISON, BadPage, Copies, FaultingCopies, extent_of, pattern
from tests.guest.machines import ALL_PROFILES, EVERY_KIND
from tests.guest.watched_call import SOURCES

LIMIT = 0x7FFF_FFFF_0000
"""MmUserProbeAddress."""
WRAP = 1 << 64
LIBRARY = sorted((Path(__file__).parents[2] / "guest" / "umaccess").glob("*.S"))

DISPATCH_LEVEL = 2


def test_c1_copies_the_bytes_and_touches_no_other(machine: Machine) -> None:
    """C1: `Length` bytes go from user memory to kernel memory; not a byte outside either range is touched.

    Here across a page boundary; test_copy_from_user.py has every length and alignment.
    """
    copies = Copies(machine, 3 * PAGE)
    for length in (0, 1, 100, PAGE, 3 * PAGE):
        copies.copy(length)


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_c2_reads_every_source_byte_and_writes_every_target_byte(machine: Machine) -> None:
    """C2: a volatile copy: this call reads every source byte and writes every byte of the target.

    Read: a bad page at any byte makes the call fail there. Written: a target that already holds the same bytes, but
    for one, gets that one; and each of its pages comes back when it was paged out.
    """
    copies = FaultingCopies(machine, 600)
    unmapped = next(state for state in PAGE_STATES if state.name == "unmapped")
    for length in (64, 200, 600):
        for byte in range(0, length, 7):
            copies.check(unmapped, length, byte)
    machine.user.protect(copies.bad_page, "rw")
    data = copies.copied(600, 300)
    target = machine.kernel.alloc(600, offset=PAGE - 300)
    for byte in range(0, 600, 7):
        target.write(data)
        target.write(bytes((POISON,)), byte)
        machine.kernel.page_out(target)
        outcome = machine.call("CopyFromUser", target, copies.bad_page - 300, 600)
        assert type(outcome) is Returned, str(outcome)
        assert target.read() == data
        assert {event.address & -PAGE for event in machine.events if isinstance(event, PagedIn)} == {
            target.address & -PAGE,
            (target.address & -PAGE) + PAGE,
        }


@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("optimize", ["0", "1", "2", "3", "s", "z"])
def test_c3_a_compiler_keeps_the_call(machine: Machine, guest: Guest, optimize: str, target: str) -> None:
    """C3: never optimised away: a C caller that ignores what it copied still makes the call, and its accesses.

    The source's pages are paged out before, and have come back afterwards: both were read.
    """
    guest.load("sources/unused_result.c", *LIBRARY, optimize=optimize, target=target)
    source = machine.user.alloc(pattern(200), offset=PAGE - 100)
    machine.user.page_out(source)
    assert machine.call("CopyAndForget", source) == Returned(1)
    assert [event.address for event in machine.events if isinstance(event, PagedIn)] == [
        source.address,
        source.address + 100,
    ]
    assert machine.user.state(source) == "resident, rw"


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_c4_all_accesses_are_made_inside(machine: Machine) -> None:
    """C4: on return the data has been copied, and every access to either range was made by the function.

    All pages of both are paged out before: each first touch is a trap, and shows its instruction.
    """
    extent = extent_of(machine, "CopyFromUser")
    data = pattern(4 * PAGE)
    source, target = machine.user.alloc(data), machine.kernel.alloc(4 * PAGE)
    machine.user.page_out(source)
    machine.kernel.page_out(target)
    outcome = machine.call("CopyFromUser", target, source, 4 * PAGE)
    assert type(outcome) is Returned, str(outcome)
    assert target.read() == data
    traps = [event for event in machine.events if isinstance(event, TrapTaken)]
    assert len(traps) == 8
    assert all(extent.holds(trap.rip) for trap in traps)


def test_c5_may_be_unaligned(machine: Machine) -> None:
    """C5: any alignment of either side; test_copy_from_user.py has every pair at every length."""
    copies = Copies(machine, 64)
    for source_offset in range(16):
        for target_offset in range(16):
            copies.copy(64, source_offset, target_offset)


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_c7_overlap_crashes_nothing(machine: Machine) -> None:
    """C7: overlapping ranges are not supported; the call returns, and no byte outside the two ranges changes.

    Both ranges are in user memory, where alone they can overlap.
    """
    data = pattern(2 * PAGE)
    both = machine.user.alloc(data)
    for length in (1, 16, 64, 100, 600, PAGE):
        for distance in (-600, -64, -17, -1, 0, 1, 17, 64, 600):
            both.write(data)
            start = 1000
            outcome = machine.call("CopyFromUser", both.address + start + distance, both.address + start, length)
            assert type(outcome) is Returned, str(outcome)
            after = both.read()
            assert after[: start + distance] == data[: start + distance]
            assert after[start + distance + length :] == data[start + distance + length :]


@pytest.mark.parametrize("state", PAGE_STATES, ids=lambda state: state.name)
def test_c8_raises_as_the_page_state_says(machine: Machine, state: BadPage) -> None:
    """C8: where the source cannot be read, an exception; which one the page's state says.

    test_copy_from_user_faults.py has every byte of every length.
    """
    FaultingCopies(machine, 128).check(state, 128, 77)


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
@pytest.mark.parametrize(
    ("source", "length", "first_bad"),
    [
        pytest.param(LIMIT, 1, LIMIT, id="at the limit"),
        pytest.param(LIMIT - 10, 11, LIMIT, id="reaches over the limit"),
        pytest.param(0xFFFF_8000_0000_0000, 8, 0xFFFF_8000_0000_0000, id="kernel address"),
        pytest.param(0x8000_0000_0000, 8, 0x8000_0000_0000, id="non-canonical"),
        pytest.param(0xFFFF_7FFF_FFFF_FFFF, 8, 0xFFFF_7FFF_FFFF_FFFF, id="highest non-canonical"),
        pytest.param(WRAP - 4, 8, WRAP - 4, id="wraps around"),
        pytest.param(WRAP - 8, 8, WRAP - 8, id="ends at the end"),
        pytest.param(0x1000, WRAP - 0x1000, LIMIT, id="length reaches the end"),
        pytest.param(0x1000, WRAP - 1, LIMIT, id="length wraps around"),
    ],
)
def test_c8_raises_where_the_range_is_not_user_memory(
    machine: Machine, source: int, length: int, first_bad: int
) -> None:
    """C8: a range that is not all user addresses: a read violation of the first byte that is none, nothing written."""
    target = machine.kernel.alloc(bytes((POISON,)) * 64)
    outcome = machine.call("CopyFromUser", target, source, length)
    assert isinstance(outcome, Raised), str(outcome)
    assert outcome.record.code == NtStatus.ACCESS_VIOLATION
    assert outcome.record.information == (0, first_bad)
    assert target.read() == bytes((POISON,)) * 64
    assert not any(isinstance(event, TrapTaken) for event in machine.events), "the range was touched"


def test_c8_a_kernel_buffer_is_no_source(machine: Machine) -> None:
    """C8: a kernel address is refused although it could be read."""
    secret, target = machine.kernel.alloc(b"kernel memory"), machine.kernel.alloc(64)
    outcome = machine.call("CopyFromUser", target, secret, secret.size)
    assert isinstance(outcome, Raised), str(outcome)
    assert outcome.record.information == (0, secret.address)
    assert target.read() == bytes(64)


def test_c8_the_check_is_of_the_whole_range_before_the_first_access(machine: Machine) -> None:
    """C8: a range that begins in readable user memory and reaches over the limit copies nothing at all."""
    source, target = machine.user.alloc(pattern(PAGE)), machine.kernel.alloc(bytes((POISON,)) * 64)
    machine.user.page_out(source)
    outcome = machine.call("CopyFromUser", target, source, LIMIT - source.address + 1)
    assert isinstance(outcome, Raised), str(outcome)
    assert outcome.record.information == (0, LIMIT)
    assert target.read() == bytes((POISON,)) * 64
    assert machine.user.state(source) == "paged-out"


@pytest.mark.parametrize("length", [1, 64])
def test_c8_null_is_a_user_address_that_is_not_there(machine: Machine, length: int) -> None:
    """C8: a null source is an ordinary fault at address 0, by the CPU."""
    outcome = machine.call("CopyFromUser", machine.kernel.alloc(64), 0, length)
    assert isinstance(outcome, Raised), str(outcome)
    assert (outcome.record.operation, outcome.record.fault_address) == ("read", 0)
    assert [event.address for event in machine.events if isinstance(event, TrapTaken)] == [0]


def test_c8_the_last_user_byte_is_a_user_address(machine: Machine) -> None:
    """C8: a range that ends at the limit passes the check, and is then as mapped as it is: a fault by the CPU."""
    outcome = machine.call("CopyFromUser", machine.kernel.alloc(64), LIMIT - 16, 16)
    assert isinstance(outcome, Raised), str(outcome)
    assert outcome.record.information == (0, LIMIT - 16)
    assert [event.address for event in machine.events if isinstance(event, TrapTaken)] == [LIMIT - 16]


@pytest.mark.parametrize("bad", [0, 1, LIMIT, 0x8000_0000_0000, 0xFFFF_8000_0000_0000, WRAP - 1])
def test_c8_length_0_checks_and_touches_nothing(machine: Machine, bad: int) -> None:
    """C8: length 0 is a plain return whatever the pointers, as it is for ProbeForRead."""
    assert type(machine.call("CopyFromUser", bad, bad, 0)) is Returned
    assert machine.events == ()


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
@pytest.mark.parametrize("irql", [0, 1])
def test_c9_up_to_apc_level(machine: Machine, irql: int) -> None:
    """C9: at PASSIVE_LEVEL and APC_LEVEL a copy pages in, and raises."""
    source, target = machine.user.alloc(pattern(100)), machine.kernel.alloc(100)
    machine.user.page_out(source)
    assert type(machine.call("CopyFromUser", target, source, 100, irql=irql)) is Returned
    assert target.read() == source.read()
    machine.user.unmap(source)
    assert type(machine.call("CopyFromUser", target, source, 100, irql=irql)) is Raised
    assert machine.irql == irql


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
@pytest.mark.parametrize("irql", [2, 3, 15])
def test_c9_above_apc_level(machine: Machine, irql: int) -> None:
    """C9: above APC_LEVEL a copy from a resident page happens to work; one that needs a page-in is a bugcheck 0xD1.

    {address, IRQL, 0 = read, RIP}. That the first is a violation too is for the checks to say.
    """
    extent = extent_of(machine, "CopyFromUser")
    source, target = machine.user.alloc(pattern(100)), machine.kernel.alloc(100)
    assert type(machine.call("CopyFromUser", target, source, 100, irql=irql)) is Returned
    assert target.read() == source.read()
    assert machine.irql == irql
    machine.user.page_out(source)
    outcome = machine.call("CopyFromUser", target, source, 100, irql=irql)
    assert isinstance(outcome, Bugchecked), str(outcome)
    assert outcome.code == BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL
    assert outcome.parameters[:3] == (source.address, irql, 0)
    assert extent.holds(outcome.parameters[3])


@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
def test_c10_one_binary_on_every_profile(machine: Machine) -> None:
    """C10: the same image runs with and without SMEP, SMAP and ERMS, and finds out itself which of them there are."""
    with Machine("nehalem") as other:
        library, same = (next(each for each in booted.modules if "CopyFromUser" in each) for booted in (machine, other))
        assert library.image.mapped() == same.image.mapped()
    assert _variables(machine, library) == (_features(machine.profile), LIMIT)
    Copies(machine, 600).copy(600)


def _features(profile: Profile) -> int:
    """What UmaFeatures holds: initialised, SMAP in the place of AC, ERMS."""
    return 1 | FLAG_AC * (profile.model.smap and profile.smap != "off") | 4 * profile.model.erms


def _variables(machine: Machine, library: Module) -> tuple[int, int]:
    """Read UmaFeatures and UmaUserProbeAddress."""
    if "Peek" not in machine.modules[-1]:
        machine.load(build_guest(SOURCES / "watched_call.S"))
    values = []
    for name in ("UmaFeatures", "UmaUserProbeAddress"):
        outcome = machine.call("Peek", library[name])
        assert isinstance(outcome, Returned), str(outcome)
        values.append(outcome.value)
    return values[0] & 0xFFFF_FFFF, values[1]


@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
@pytest.mark.parametrize("state", [PAGE_STATES[0], PAGE_STATES[3]], ids=lambda state: state.name)
def test_c10_first_use_initialises(machine: Machine, guest: Guest, state: BadPage) -> None:
    """C10: where nobody called UmaInitialize, the first call does, and gives the same result.

    An image of the library's sources whose DriverEntry never ran, its variables 0: as in a driver that links them.
    """
    library = guest.load(*LIBRARY)
    assert machine.resolve("CopyFromUser") == library["CopyFromUser"]
    copies = FaultingCopies(machine, 200)
    assert _variables(machine, library) == (0, 0)
    copies.check(state, 150, 133, 5)
    assert _variables(machine, library) == (_features(machine.profile), LIMIT)
    copies.check(state, 150, 133, 5)


def test_c10_first_use_initialises_even_without_a_byte(machine: Machine, guest: Guest) -> None:
    """C10: a call of length 0 touches nothing, but finds out what the routine needs."""
    library = guest.load(*LIBRARY)
    assert type(machine.call("CopyFromUser", machine.kernel.alloc(8), 1, 0)) is Returned
    assert _variables(machine, library) == (_features(machine.profile), LIMIT)


def test_c10_first_use_checks_the_range(machine: Machine, guest: Guest) -> None:
    """C10: the limit is known before the first check: a first call with a kernel address raises."""
    module = guest.load(*LIBRARY)
    target = machine.kernel.alloc(64)
    outcome = machine.call(module["CopyFromUser"], target, target, 64)
    assert isinstance(outcome, Raised), str(outcome)
    assert outcome.record.information == (0, target.address)


def test_c11_failure_only_by_exception(machine: Machine) -> None:
    """C11: a plain return, or an exception: no status, and nothing else that a caller could take for one."""
    source, target = machine.user.alloc(pattern(64)), machine.kernel.alloc(64)
    assert type(machine.call("CopyFromUser", target, source, 64)) is Returned
    machine.user.unmap(source)
    assert type(machine.call("CopyFromUser", target, source, 64)) is Raised
    outcome = machine.call("CopyFromUser", target, source, 64, guarded=False)
    assert isinstance(outcome, Bugchecked), str(outcome)
    assert outcome.code == BugCheck.KMODE_EXCEPTION_NOT_HANDLED


def _mending(machine: Machine) -> Callable[..., int]:
    """Load the callers whose filters continue; return a function that calls one and gives its status."""

    @machine.export("MmSecureVirtualMemory")
    def make_accessible(address: int, size: int, mode: int) -> int:
        machine.user.protect(address, "ro")
        return 1

    machine.load(build_guest(SOURCES / "mending_filter.c"))

    def call(name: str, *arguments: int) -> int:
        outcome = machine.call(name, machine.resolve("CopyFromUser"), *arguments)
        assert isinstance(outcome, Returned), str(outcome)
        return outcome.value & 0xFFFF_FFFF

    return call


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
@pytest.mark.parametrize("length", [40, 200, 1000])
def test_a_filter_that_continues_goes_on_in_the_copy(machine: Machine, length: int) -> None:
    """A filter that makes the page accessible and continues: the faulting instruction is retried, the copy exact."""
    call, copies = _mending(machine), FaultingCopies(machine, length)
    for byte in range(0, length, 13):
        machine.user.unmap(copies.bad_page)
        copies.target.write(copies.poison)
        assert call("CopyMendingPages", copies.target.address, copies.bad_page - byte, length) == 0
        assert copies.target.read() == copies.copied(length, byte) + copies.poison[length:]
        assert sum(isinstance(event, ExecutionContinued) for event in machine.events) == 1


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_a_filter_that_continues_the_range_check_has_it_repeated(machine: Machine) -> None:
    """After the raise returns the check is made again: a source that is a user address by then is copied.

    One that still is none raises again, until the budget ends it.
    """
    call = _mending(machine)
    source, target = machine.user.alloc(pattern(600)), machine.kernel.alloc(600)
    for length in (1, 64, 600):
        for bad in (target.address, LIMIT, WRAP - 1):
            target.write(bytes(600))
            assert call("CopyReplacingSource", target.address, bad, length, source.address) == 0
            assert target.read() == source.read(length) + bytes(600 - length)
            assert sum(isinstance(event, ExecutionContinued) for event in machine.events) == 1

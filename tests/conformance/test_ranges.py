# SPDX-License-Identifier: GPL-2.0-or-later
"""Source ranges that CopyFromUser has to refuse by itself (facts/uma.md, "range check"): the address in the record is
the first byte that is not a user address."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.memory.layout import USER_PROBE_ADDRESS
from emu.nt.bugcheck import BugCheck
from tests.conformance.machines import boot

PROFILES = (
    "nehalem",
    "ivybridge",
    "skylake-server",
    "skylake-server,smap=permit",
    "skylake-server,smap=off",
    "epyc-rome",
)

LAST = USER_PROBE_ADDRESS - 1
TOP = 1 << 64

REFUSED = [
    # source, length, address in the record
    (0xFFFF_8000_0000_0000, 1, 0xFFFF_8000_0000_0000),
    (0xFFFF_F800_0000_1000, 64, 0xFFFF_F800_0000_1000),
    (0xFFFF_9000_0001_5000, 64, 0xFFFF_9000_0001_5000),
    (TOP - 1, 1, TOP - 1),
    (TOP - 64, 64, TOP - 64),
    (TOP - 1, 2, TOP - 1),
    (TOP - 16, 4096, TOP - 16),
    (USER_PROBE_ADDRESS, 1, USER_PROBE_ADDRESS),
    (0x7FFF_FFFF_FFFF, 1, 0x7FFF_FFFF_FFFF),
    (LAST, 2, USER_PROBE_ADDRESS),
    (USER_PROBE_ADDRESS - 64, 65, USER_PROBE_ADDRESS),
    (USER_PROBE_ADDRESS - 64, 0x2_0000, USER_PROBE_ADDRESS),
    (0x1000, USER_PROBE_ADDRESS, USER_PROBE_ADDRESS),
    (0x1000, TOP - 0x1001, USER_PROBE_ADDRESS),
    (0x1000, TOP - 0x1000, USER_PROBE_ADDRESS),
    (0x1000, TOP - 1, USER_PROBE_ADDRESS),
    (0, TOP - 1, USER_PROBE_ADDRESS),
    (1, TOP - 1, USER_PROBE_ADDRESS),
    (0x8000_0000_0000, 1, 0x8000_0000_0000),
    (0xFFFF_7FFF_FFFF_FFFF, 1, 0xFFFF_7FFF_FFFF_FFFF),
    (0x0123_4567_89AB_CDEF, 64, 0x0123_4567_89AB_CDEF),
    (0xDEAD_BEEF_0000_0000, 1 << 63, 0xDEAD_BEEF_0000_0000),
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("source", "length", "address"), REFUSED)
def test_refused_before_the_first_access(profile: str, source: int, length: int, address: int) -> None:
    machine = boot(profile)
    target = machine.kernel.alloc(b"\xee" * 64)
    outcome = machine.call("CopyFromUser", target, source, length)
    assert isinstance(outcome, Raised)
    record = outcome.record
    assert record.code == NtStatus.ACCESS_VIOLATION
    assert record.information == (0, address)
    assert (record.operation, record.fault_address) == ("read", address)
    assert record.flags == 0
    assert target.read() == b"\xee" * 64
    assert machine.irql == 0


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("source", "length", "address"),
    [
        (0, 1, 0),
        (1, 64, 1),
        (0xFFF, 16, 0xFFF),
        (0x1_0000, 64, 0x1_0000),
        (LAST, 1, LAST),
        (USER_PROBE_ADDRESS - 64, 64, USER_PROBE_ADDRESS - 64),
        (USER_PROBE_ADDRESS - 0x1000, 0x1000, USER_PROBE_ADDRESS - 0x1000),
    ],
)
def test_user_addresses_with_no_page_fault_by_themselves(profile: str, source: int, length: int, address: int) -> None:
    """Null, the 64 KiB above it and the last bytes below the limit are user addresses: the page fault is the CPU's."""
    machine = boot(profile)
    target = machine.kernel.alloc(b"\xee" * 4096)
    outcome = machine.call("CopyFromUser", target, source, length)
    assert isinstance(outcome, Raised)
    assert outcome.record.information == (0, address)
    assert target.read() == b"\xee" * 4096
    assert machine.events[0].__class__.__name__ == "TrapTaken"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "pointer",
    [0, 1, LAST, USER_PROBE_ADDRESS, 0x8000_0000_0000, 0xFFFF_8000_0000_0000, TOP - 1, 0xDEAD_BEEF_DEAD_BEEF],
)
def test_length_zero_is_never_refused(profile: str, pointer: int) -> None:
    machine = boot(profile)
    assert isinstance(machine.call("CopyFromUser", pointer, pointer, 0), Returned)
    assert machine.events == ()


def test_range_that_ends_at_the_limit(machine: Machine) -> None:
    """The last user page can be had: what crosses the limit is refused, what ends there is copied."""
    memory = machine._system.memory
    last_page = USER_PROBE_ADDRESS - 0x1000
    memory.map_page(last_page, user=True, protection=1 << 63 | 2)  # type: ignore[arg-type]
    target = machine.kernel.alloc(0x1000)
    assert isinstance(machine.call("CopyFromUser", target, last_page, 0x1000), Returned)
    outcome = machine.call("CopyFromUser", target, last_page, 0x1001)
    assert isinstance(outcome, Raised)
    assert outcome.record.fault_address == USER_PROBE_ADDRESS


@pytest.mark.parametrize("target", [0x10, 0x7FFF_0000_0000])
def test_bad_destination_in_the_user_half_is_an_exception(machine: Machine, target: int) -> None:
    source = machine.user.alloc(64)
    outcome = machine.call("CopyFromUser", target, source, 64)
    assert isinstance(outcome, Raised)
    assert outcome.record.information == (1, target)


def test_bad_destination_in_the_kernel_is_a_bugcheck(machine: Machine) -> None:
    source = machine.user.alloc(64)
    outcome = machine.call("CopyFromUser", 0xFFFF_8000_0000_0000, source, 64)
    assert isinstance(outcome, Bugchecked)
    assert outcome.code == BugCheck.PAGE_FAULT_IN_NONPAGED_AREA
    assert outcome.parameters[:2] == (0xFFFF_8000_0000_0000, 2)
    assert outcome.parameters[3] == 2

# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults that are armed on a machine: every kind does to its page what its name says."""

import pytest

from emu.faults import FaultError, FaultNotSupported, parse_fault
from emu.machine import Machine, MachineStopped
from emu.memory.errors import StaleBuffer
from emu.nt.status import NtStatus
from emu.outcome import Raised, Returned

EXPECTED = {
    "unmapped": NtStatus.ACCESS_VIOLATION,
    "none": NtStatus.ACCESS_VIOLATION,
    "guard": NtStatus.GUARD_PAGE_VIOLATION,
    "in-page-error": NtStatus.IN_PAGE_ERROR,
    "in-page-error=0xC000009D": NtStatus.IN_PAGE_ERROR,
    "paged-out": None,
    "ro": None,
    "rw": None,
    "rx": None,
    "rwx": None,
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_kind_is_what_a_read_of_its_byte_gives(machine: Machine, kind: str) -> None:
    source = machine.user.alloc(bytes(range(64)), offset=4096 - 37)
    target = machine.kernel.alloc(64)
    machine.inject(f"{kind}@src+37", src=source)
    outcome = machine.call("CopyFromUser", target, source, 64)
    status = EXPECTED[kind]
    if status is None:
        assert isinstance(outcome, Returned), outcome
        assert target.read() == bytes(range(64))
    else:
        assert isinstance(outcome, Raised), outcome
        assert (outcome.record.code, outcome.record.fault_address) == (status, source.address + 37)


def test_the_status_of_an_in_page_error_arrives(machine: Machine) -> None:
    source, target = machine.user.alloc(64), machine.kernel.alloc(64)
    machine.inject("in-page-error=0xC000009D@src+0", src=source)
    outcome = machine.call("CopyFromUser", target, source, 64)
    assert isinstance(outcome, Raised)
    assert outcome.record.information[2] == NtStatus.DEVICE_NOT_CONNECTED


def test_a_state_is_the_whole_pages_and_no_other_ones(machine: Machine) -> None:
    source = machine.user.alloc(3 * 4096)
    machine.inject("none@src+5000", src=source)
    states = [machine.user.state(source.address + page * 4096) for page in range(3)]
    assert states == ["resident, rw", "none", "resident, rw"]


def test_places_are_buffers_addresses_of_either_half_and_numbers(machine: Machine) -> None:
    user, kernel = machine.user.alloc(64), machine.kernel.alloc(64)
    machine.inject(parse_fault("ro@dst+0"), dst=kernel)
    machine.inject(f"none@{user.address:#x}")
    assert machine.kernel.state(kernel) == "resident, ro"
    assert machine.user.state(user) == "none"
    machine.inject("paged-out@here+0", here=int(user))
    assert machine.user.state(user) == "paged-out"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("none@source+0", "there is no buffer 'source'; given by name: src"),
        ("none@src+4096", "is not allocated"),
        ("none@0x123", "0x123 is not allocated"),
        ("none@0x800000000000", "no canonical address"),
        ("none@src+0xffffffffffffffff", "no canonical address"),
        ("nune@src+0", "unknown kind 'nune'"),
    ],
)
def test_a_fault_that_cannot_be_armed_says_why(machine: Machine, text: str, says: str) -> None:
    source = machine.user.alloc(64)
    with pytest.raises(FaultError, match=says):
        machine.inject(text, src=source)


@pytest.mark.parametrize("condition", ["access=3", "insn=1", "times=2"])
def test_a_condition_is_read_and_not_yet_armed(machine: Machine, condition: str) -> None:
    source = machine.user.alloc(64)
    with pytest.raises(NotImplementedError, match="is not supported yet") as caught:
        machine.inject(f"none@src+0,{condition}", src=source)
    assert isinstance(caught.value, FaultNotSupported)
    assert condition.partition("=")[0] in str(caught.value)
    assert machine.user.state(source) == "resident, rw"


def test_reset_takes_a_fault_back(machine: Machine) -> None:
    source = machine.user.alloc(64)
    machine.inject("none@src+0", src=source)
    machine.reset()
    with pytest.raises(StaleBuffer):
        machine.inject("none@src+0", src=source)
    again = machine.user.alloc(64)
    assert machine.user.state(again) == "resident, rw"


def test_a_machine_that_stopped_takes_no_fault(machine: Machine) -> None:
    source, target = machine.user.alloc(64), machine.kernel.alloc(64)
    machine.inject("none@dst+0", dst=target)
    machine.call("CopyFromUser", target, source, 64)
    with pytest.raises(MachineStopped):
        machine.inject("none@src+0", src=source)

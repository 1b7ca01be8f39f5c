# SPDX-License-Identifier: GPL-2.0-or-later
"""ProbeForRead and ProbeForWrite: what they check and touch, and which of the two access violations they raise."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.cpu.registers import FLAG_AC
from emu.memory.layout import USER_PROBE_ADDRESS
from emu.outcome import ExceptionRecord
from tests.kernel.exports.calls import MASK, PAGE

POLICIES = ["nehalem", "skylake-server", "skylake-server,smap=permit", "skylake-server,smap=off"]
every_policy = pytest.mark.parametrize("machine", POLICIES, indirect=True)

LIMIT = int(USER_PROBE_ADDRESS)
EXCEPTION_NONCONTINUABLE = 1


def raised(machine: Machine, function: str, *arguments: int) -> ExceptionRecord:
    outcome = machine.call(function, *arguments)
    assert type(outcome) is Raised, str(outcome)
    return outcome.record


def returns(machine: Machine, function: str, *arguments: int) -> bool:
    return type(machine.call(function, *arguments)) is Returned


@pytest.mark.parametrize("function", ["ProbeForRead", "ProbeForWrite"])
@pytest.mark.parametrize("address", [0, 3, LIMIT, 0x8000_0000_0000, 0xFFFF_F800_0000_0000, MASK])
def test_no_length_means_no_check_at_all(machine: Machine, function: str, address: int) -> None:
    assert returns(machine, function, address, 0, 8)


@pytest.mark.parametrize("function", ["ProbeForRead", "ProbeForWrite"])
@pytest.mark.parametrize("alignment", [1, 2, 4, 8, 16])
def test_alignment(machine: Machine, function: str, alignment: int) -> None:
    block = machine.user.alloc(64)
    for offset in range(17):
        if offset % alignment == 0:
            assert returns(machine, function, block.address + offset, 8, alignment)
            continue
        record = raised(machine, function, block.address + offset, 8, alignment)
        assert record.code == NtStatus.DATATYPE_MISALIGNMENT
        assert record.information == ()
        assert record.flags == EXCEPTION_NONCONTINUABLE
        assert f"!{function}+" in machine.modules[0].describe(record.exception_address)


@pytest.mark.parametrize("function", ["ProbeForRead", "ProbeForWrite"])
def test_alignment_comes_before_the_limit(machine: Machine, function: str) -> None:
    assert raised(machine, function, LIMIT + 1, 8, 4).code == NtStatus.DATATYPE_MISALIGNMENT


@every_policy
@pytest.mark.parametrize(
    ("address", "length"),
    [
        (LIMIT, 1),
        (LIMIT - 1, 2),
        (LIMIT - 0x1000, 0x1001),
        (0x1000, MASK),
        (1, MASK),
        (0xFFFF_F800_0000_0000, 8),
        (0x8000_0000_0000_0000, 8),
        (MASK, 1),
    ],
)
def test_a_read_beyond_the_limit_is_a_true_access_to_it(machine: Machine, address: int, length: int) -> None:
    record = raised(machine, "ProbeForRead", address, length, 1)
    assert record.code == NtStatus.ACCESS_VIOLATION
    assert record.information == (0, LIMIT)
    assert record.flags == 0
    assert "!ProbeForRead+" in machine.modules[0].describe(record.exception_address)


@every_policy
@pytest.mark.parametrize(
    ("address", "length"),
    [(LIMIT, 1), (LIMIT - 1, 2), (0x1000, MASK), (0xFFFF_F800_0000_0000, 8), (MASK, 1), (MASK, 2)],
)
def test_a_write_beyond_the_limit_is_raised_by_software(machine: Machine, address: int, length: int) -> None:
    record = raised(machine, "ProbeForWrite", address, length, 1)
    assert record.code == NtStatus.ACCESS_VIOLATION
    assert record.information == ()
    assert record.fault_address is None
    assert record.flags == EXCEPTION_NONCONTINUABLE
    assert "!ProbeForWrite+" in machine.modules[0].describe(record.exception_address)


def test_up_to_the_limit_is_user_memory(machine: Machine) -> None:
    assert returns(machine, "ProbeForRead", LIMIT - 8, 8, 8)
    assert returns(machine, "ProbeForRead", 0, LIMIT, 1)
    record = raised(machine, "ProbeForWrite", LIMIT - 8, 8, 8)
    assert record.information == (0, LIMIT - 8)  # within the limit, and so a true access


@every_policy
@pytest.mark.parametrize("state", ["none", "ro", "guard", "paged-out", "unmapped"])
def test_a_read_probe_touches_nothing(machine: Machine, state: str) -> None:
    block = machine.user.alloc(PAGE)
    {
        "none": lambda: machine.user.protect(block, "none"),
        "ro": lambda: machine.user.protect(block, "ro"),
        "guard": lambda: machine.user.guard(block),
        "paged-out": lambda: machine.user.page_out(block),
        "unmapped": lambda: machine.user.unmap(block),
    }[state]()
    before = machine.user.state(block)
    assert returns(machine, "ProbeForRead", int(block), PAGE, 1)
    assert machine.user.state(block) == before


@every_policy
def test_a_write_probe_changes_nothing(machine: Machine) -> None:
    data = bytes(index % 253 for index in range(3 * PAGE))
    block = machine.user.alloc(data)
    assert returns(machine, "ProbeForWrite", block.address + 5, 2 * PAGE, 1)
    assert block.read() == data
    assert machine.user.entry(block).dirty
    assert machine.user.entry(block.address + 2 * PAGE).dirty


@every_policy
def test_ac_is_as_it_was(machine: Machine) -> None:
    block = machine.user.alloc(PAGE)
    assert returns(machine, "ProbeForWrite", int(block), PAGE, 1)
    assert bool(machine.registers["rflags"] & FLAG_AC) == machine.profile.kernel_entry_ac


@every_policy
@pytest.mark.parametrize(
    ("start", "length", "touched"),
    [
        (0, 1, [0]),
        (PAGE - 1, 1, [0]),
        (PAGE - 1, 2, [0, 1]),
        (5, PAGE, [0, 1]),
        (5, 3 * PAGE - 5, [0, 1, 2]),
        (PAGE, PAGE, [1]),
        (PAGE, PAGE + 1, [1, 2]),
    ],
)
def test_a_write_probe_touches_every_page_once(machine: Machine, start: int, length: int, touched: list[int]) -> None:
    block = machine.user.alloc(3 * PAGE)
    machine.user.page_out(block)
    assert returns(machine, "ProbeForWrite", block.address + start, length, 1)
    resident = [page for page in range(3) if machine.user.state(block.address + page * PAGE) == "resident, rw"]
    assert resident == touched


@every_policy
@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_write_probe_of_a_page_that_is_read_only(machine: Machine, page: int) -> None:
    block = machine.user.alloc(3 * PAGE)
    bad = block.address + page * PAGE
    machine.user.protect(bad, "ro")
    first = max(bad, block.address + 7)
    record = raised(machine, "ProbeForWrite", block.address + 7, 3 * PAGE - 7, 1)
    assert (record.code, record.information, record.flags) == (NtStatus.ACCESS_VIOLATION, (1, first), 0)


@every_policy
def test_a_write_probe_of_other_states(machine: Machine) -> None:
    block = machine.user.alloc(PAGE)
    machine.user.protect(block, "none")
    assert raised(machine, "ProbeForWrite", int(block), 4, 1).information == (0, block.address)
    machine.user.guard(block)
    assert raised(machine, "ProbeForWrite", int(block), 4, 1).code == NtStatus.GUARD_PAGE_VIOLATION
    assert returns(machine, "ProbeForWrite", int(block), 4, 1)
    machine.user.fail_page_in(block, 0xC000_009D)
    record = raised(machine, "ProbeForWrite", int(block), 4, 1)
    assert (record.code, record.information) == (NtStatus.IN_PAGE_ERROR, (0, block.address, 0xC000_009D))


def test_a_write_probe_at_dispatch_level(machine: Machine) -> None:
    block = machine.user.alloc(PAGE)
    assert type(machine.call("ProbeForWrite", block, 4, 1, irql=2)) is Returned
    machine.user.page_out(block)
    outcome = machine.call("ProbeForWrite", block, 4, 1, irql=2)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[:3]) == (0xA, (block.address, 2, 0))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that only answer, and those that stop the machine."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.memory.layout import USER_PROBE_ADDRESS
from tests.kernel.exports.calls import PAGE, counted, value_of


def test_previous_mode(machine: Machine) -> None:
    assert machine.previous_mode == value_of(machine, "ExGetPreviousMode") == 1
    machine.previous_mode = 0
    assert value_of(machine, "ExGetPreviousMode") == 0
    machine.reset()
    assert value_of(machine, "ExGetPreviousMode") == 1
    with pytest.raises(ValueError, match="previous mode 2 does not exist"):
        machine.previous_mode = 2


def test_address_valid(machine: Machine) -> None:
    user, kernel = machine.user.alloc(PAGE), machine.kernel.alloc(PAGE)
    for address in (user.address, kernel.address + PAGE - 1, machine.resolve("MmIsAddressValid")):
        assert value_of(machine, "MmIsAddressValid", address) == 1
    for address in (0, kernel.address + PAGE, int(USER_PROBE_ADDRESS), 0x8000_0000_0000, 1 << 63):
        assert value_of(machine, "MmIsAddressValid", address) == 0
    machine.user.page_out(user)
    machine.kernel.protect(kernel, "ro")
    assert value_of(machine, "MmIsAddressValid", user) == 0
    assert value_of(machine, "MmIsAddressValid", kernel) == 1
    assert machine.user.state(user) == "paged-out"


@pytest.mark.parametrize("name", ["ProbeForRead", "DbgPrint", "memcpy", "MmUserProbeAddress"])
def test_routine_address(machine: Machine, name: str) -> None:
    string = counted(machine, name.encode("utf-16-le"))
    assert value_of(machine, "MmGetSystemRoutineAddress", string) == machine.resolve(name)


@pytest.mark.parametrize("name", ["", "probeforread", "ZwNothing", "KiGuardedCall", "CopyFromUser"])
def test_no_such_routine(machine: Machine, name: str) -> None:
    string = counted(machine, name.encode("utf-16-le"))
    assert value_of(machine, "MmGetSystemRoutineAddress", string) == 0


@pytest.mark.parametrize("machine", ["nehalem", "nehalem,primitives=kernel"], indirect=True)
def test_a_primitive_is_there_where_the_kernel_has_them(machine: Machine) -> None:
    address = value_of(machine, "MmGetSystemRoutineAddress", counted(machine, "RtlCopyFromUser".encode("utf-16-le")))
    assert address == (machine.modules[0]["RtlCopyFromUser"] if machine.profile.kernel_has_primitives else 0)


def test_routines_of_the_users_own() -> None:
    with Machine() as machine:
        machine.export("ZwOfMyOwn")(lambda: 5)
        string = counted(machine, "ZwOfMyOwn".encode("utf-16-le"))
        address = value_of(machine, "MmGetSystemRoutineAddress", string)
        assert machine.call(address) == Returned(5)


def test_a_bad_name(machine: Machine) -> None:
    outcome = machine.call("MmGetSystemRoutineAddress", 0x1000)
    assert type(outcome) is Raised
    assert (outcome.record.code, outcome.record.information) == (NtStatus.ACCESS_VIOLATION, (0, 0x1000))


def test_bugchecks(machine: Machine) -> None:
    outcome = machine.call("KeBugCheckEx", 0xFFFF_FFFF_0000_00E2, 1, 2, 3, 1 << 63)
    assert outcome == Bugchecked(0xE2, (1, 2, 3, 1 << 63))
    machine.reset()
    outcome = machine.call("KeBugCheck", 0x50)
    assert outcome == Bugchecked(0x50, (0, 0, 0, 0))
    assert "PAGE_FAULT_IN_NONPAGED_AREA" in str(outcome)

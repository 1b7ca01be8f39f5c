# SPDX-License-Identifier: GPL-2.0-or-later
"""Driver code that uses probes, memory and string routines as the headers declare them."""

import pytest

from emu import Machine, NtStatus, Returned
from emu.memory.layout import USER_PROBE_ADDRESS
from emu.testing.guest import Guest
from tests.kernel.exports.calls import PAGE

BUILDS = [(target, optimize) for target in ("msvc", "gnu") for optimize in ("0", "2")]


@pytest.mark.parametrize(("target", "optimize"), BUILDS)
def test_strings(machine: Machine, guest: Guest, target: str, optimize: str) -> None:
    machine.load(guest.build("sources/capture.c", target=target, optimize=optimize))
    assert machine.call("strings") == Returned(0)


@pytest.mark.parametrize(("target", "optimize"), BUILDS)
def test_counted_strings_and_guarded_mutexes(machine: Machine, guest: Guest, target: str, optimize: str) -> None:
    machine.load(guest.build("sources/counted_strings.c", target=target, optimize=optimize))
    assert machine.call("convert") == Returned(0)
    assert machine.pool.outstanding == []
    assert machine.call("copy_with_sizes") == Returned(0)
    assert machine.call("guard", machine.kernel.alloc(0x38)) == Returned(0)


@pytest.mark.parametrize("machine", ["nehalem", "skylake-server,smap=permit"], indirect=True)
@pytest.mark.parametrize(("target", "optimize"), BUILDS)
def test_capture_and_deliver(machine: Machine, guest: Guest, target: str, optimize: str) -> None:
    machine.load(guest.build("sources/capture.c", target=target, optimize=optimize))
    user, kernel = machine.user.alloc(b"user data".ljust(2 * PAGE)), machine.kernel.alloc(2 * PAGE)
    second = user.address + PAGE

    def status(function: str, *arguments: int, alignment: int = 1) -> int:
        outcome = machine.call(function, *arguments, alignment)
        assert type(outcome) is Returned, str(outcome)
        return outcome.value & 0xFFFF_FFFF

    inward = "capture", int(kernel), int(user), 2 * PAGE
    outward = "deliver", int(user), int(kernel), 2 * PAGE
    assert status(*inward) == status(*outward) == 0
    assert kernel.read() == user.read()
    machine.user.page_out(user)
    assert status(*inward) == 0
    machine.user.protect(second, "ro")
    assert status(*inward) == 0
    assert status(*outward) == NtStatus.ACCESS_VIOLATION
    machine.user.guard(second)
    assert status(*inward) == NtStatus.GUARD_PAGE_VIOLATION
    machine.user.fail_page_in(second, NtStatus.DEVICE_DATA_ERROR)
    assert status(*inward) == status(*outward) == NtStatus.IN_PAGE_ERROR
    machine.user.unmap(user)
    assert status(*inward) == status(*outward) == NtStatus.ACCESS_VIOLATION
    assert status("capture", int(kernel), int(USER_PROBE_ADDRESS), 1) == NtStatus.ACCESS_VIOLATION
    assert status("deliver", int(kernel), int(user), 8) == NtStatus.ACCESS_VIOLATION
    assert status("capture", int(kernel), user.address + 1, 8, alignment=4) == NtStatus.DATATYPE_MISALIGNMENT
    assert status("deliver", user.address + 1, int(kernel), 8, alignment=4) == NtStatus.DATATYPE_MISALIGNMENT

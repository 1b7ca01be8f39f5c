# SPDX-License-Identifier: GPL-2.0-or-later
"""umaccess_dbg.lib: with KernelMode a user pointer stops the machine, whoever stands around with a handler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emu import Bugchecked, Machine, Raised, Returned, build_guest
from emu.accessors import FAMILY, Accessor
from emu.memory.buffer import Buffer
from emu.nt.bugcheck import BugCheck

FAST_FAIL_KERNEL_POINTER_EXPECTED = 77
KERNEL_MODE, USER_MODE = 0, 1

MODE_FORMS = [each for each in FAMILY.values() if each.takes_mode and each.kind == "function" and each.user_parameters]

DRIVER = """
#include <ntddk.h>
#include <usermode_accessors.h>
NTSTATUS ReadByMode(ULONG *kernel, ULONG *from, KPROCESSOR_MODE mode)
{
    __try {
        *kernel = ReadULongFromMode(from, mode);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
"""


def arguments(accessor: Accessor, mode: int, pointer: Buffer, user: Buffer, kernel: Buffer) -> list[int | Buffer]:
    """Return a call's arguments; `pointer` is the one that Mode is about."""
    given: list[int | Buffer] = [kernel] if accessor.returns == "UNICODE_STRING" else []
    for each in accessor.parameters:
        if each.type == "UNICODE_STRING":
            given.append(kernel)
        elif each.side == "value":
            given.append({"Mode": mode, "Length": 8, "Size": 8}.get(each.name, 1))
        else:
            given.append({"mode": pointer, "user": user, "kernel": kernel}[each.side])
    return given


@pytest.fixture(scope="module", params=["nehalem", "skylake-server", "skylake-server,primitives=kernel"])
def booted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    source = tmp_path_factory.mktemp("guest") / "driver.c"
    source.write_text(DRIVER)
    names = [accessor.name for accessor in (*MODE_FORMS, FAMILY["RtlFastFailIfUserPointer"])]
    with Machine(request.param) as machine:
        machine.load(build_guest(source, defines="DBG=1", export=names))
        machine.checkpoint()
        yield machine


@pytest.fixture
def checked(booted: Machine) -> Machine:
    booted.reset()
    return booted


def assert_fast_failed(outcome: object) -> None:
    assert isinstance(outcome, Bugchecked), outcome
    assert outcome.code == BugCheck.KERNEL_SECURITY_CHECK_FAILURE
    assert outcome.parameters[0] == FAST_FAIL_KERNEL_POINTER_EXPECTED


def test_a_user_pointer_with_kernel_mode_stops_the_machine(checked: Machine) -> None:
    for accessor in MODE_FORMS:
        user, kernel = checked.user.alloc(b"0123456789abcdef"), checked.kernel.alloc(64)
        assert_fast_failed(checked.call(accessor.name, *arguments(accessor, KERNEL_MODE, user, user, kernel)))
        assert user.read() == b"0123456789abcdef"
        checked.reset()


def test_everything_else_goes_through(checked: Machine) -> None:
    user, kernel, other = checked.user.alloc(16), checked.kernel.alloc(64), checked.kernel.alloc(64)
    for accessor in MODE_FORMS:
        for mode, pointer in ((USER_MODE, user), (KERNEL_MODE, other)):
            outcome = checked.call(accessor.name, *arguments(accessor, mode, pointer, user, kernel))
            assert isinstance(outcome, Returned), (accessor.name, mode, outcome)


def test_no_handler_catches_it(checked: Machine) -> None:
    user, kernel = checked.user.alloc((7).to_bytes(4, "little")), checked.kernel.alloc(4)
    assert checked.call("ReadByMode", kernel, user, USER_MODE) == Returned(0)
    assert kernel.read() == user.read()
    for guarded in (True, False):
        assert_fast_failed(checked.call("ReadByMode", kernel, user, KERNEL_MODE, guarded=guarded))
        checked.reset()
        user, kernel = checked.user.alloc(4), checked.kernel.alloc(4)


def test_the_primitive_beneath(checked: Machine) -> None:
    assert isinstance(checked.call("RtlFastFailIfUserPointer", checked.kernel.alloc(4)), Returned)
    assert_fast_failed(checked.call("RtlFastFailIfUserPointer", checked.user.alloc(4)))


def test_the_library_without_checks_reads_it(tmp_path: Path) -> None:
    source = tmp_path / "driver.c"
    source.write_text(DRIVER)
    image = build_guest(source)
    with Machine("nehalem") as machine:
        machine.load(image)
        user, kernel = machine.user.alloc((7).to_bytes(4, "little")), machine.kernel.alloc(4)
        assert machine.call("ReadByMode", kernel, user, KERNEL_MODE) == Returned(0)
        assert kernel.read() == user.read()
        machine.user.protect(user, "none")
        assert machine.call("ReadByMode", kernel, user, KERNEL_MODE) == Returned(0xC000_0005)
        assert not isinstance(machine.call("ReadByMode", kernel, kernel, USER_MODE), Raised)
    with Machine("skylake-server") as machine:
        machine.load(image)
        outcome = machine.call("ReadByMode", machine.kernel.alloc(4), machine.user.alloc(4), KERNEL_MODE)
        assert isinstance(outcome, Bugchecked), "SMAP stops it instead"
        assert outcome.code != BugCheck.KERNEL_SECURITY_CHECK_FAILURE

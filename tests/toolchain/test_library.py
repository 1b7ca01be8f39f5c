# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib

import pytest

from emu import Machine, Returned
from emu.toolchain import GuestBuildError, build_guest, library
from emu.toolchain.coff import archive_globals
from emu.toolchain.library import DEBUG_LIBRARY, LIBRARY, accessor_library, build_library, is_debug
from tests.toolchain.conftest import RETURNS_ITS_ARGUMENT, Write

ENTRY = ".globl DriverEntry\nDriverEntry: jmp first\n"


def test_it_has_every_source_but_that_of_the_entry_point(write: Write, tmp_path: pathlib.Path) -> None:
    sources = [write(f"{name}.S", RETURNS_ITS_ARGUMENT.format(name=name)) for name in ("first", "second")]
    build_library([*sources, write("entry.S", ENTRY)], tmp_path / "made.lib")
    assert archive_globals((tmp_path / "made.lib").read_bytes()) == {"first", "second"}


def test_defines_reach_the_assembler(write: Write, tmp_path: pathlib.Path) -> None:
    source = write("chosen.S", ".globl NAME\nNAME: ret\n")
    for name in ("one", "other"):
        build_library([source], tmp_path / "made.lib", defines=(f"NAME={name}",))
        assert archive_globals((tmp_path / "made.lib").read_bytes()) == {name}


DRIVER = """
#include <ntddk.h>
#include <usermode_accessors.h>
NTSTATUS Capture(const volatile ULONG *user, ULONG *kernel)
{
    __try {
        *kernel = ReadULongFromUser(user);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
"""


@pytest.mark.parametrize("optimize", ["0", "2"])
@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("machine", ["nehalem", "skylake-server,primitives=kernel"], indirect=True)
def test_a_driver_of_either_target_runs_with_it(machine: Machine, write: Write, target: str, optimize: str) -> None:
    driver = machine.load(build_guest(write("driver.c", DRIVER), target=target, optimize=optimize))
    assert {each.name for each in driver.image.imports} <= {
        "MmGetSystemRoutineAddress",
        "MmUserProbeAddress",
        "RtlRaiseException",
        "__C_specific_handler",
    }
    user, kernel = machine.user.alloc(b"abcd"), machine.kernel.alloc(4)
    assert machine.call("Capture", user, kernel) == Returned(0)
    assert kernel.read() == b"abcd"
    machine.user.protect(user, "none")
    assert machine.call("Capture", user, kernel) == Returned(0xC000_0005)
    assert machine.call("Capture", kernel, kernel) == Returned(0xC000_0005)


def test_the_assembler_speaks_for_itself(write: Write, tmp_path: pathlib.Path) -> None:
    source = write("broken.S", "no such instruction\n")
    with pytest.raises(GuestBuildError, match=r"broken\.S:1:9: error"):
        build_library([source], tmp_path / "made.lib")


def test_the_built_ones_have_the_accessors() -> None:
    assert accessor_library().name == LIBRARY
    assert accessor_library(debug=True).name == DEBUG_LIBRARY
    for debug in (False, True):
        names = archive_globals(accessor_library(debug=debug).read_bytes())
        assert {"CopyFromUser", "UmaInitialize"} <= names
        assert "DriverEntry" not in names


def test_one_that_is_not_built_says_how_to(
    routine: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "built_directory", lambda: tmp_path)
    with pytest.raises(GuestBuildError, match=r"umaccess\.lib is not built; run `make setup`"):
        build_guest(routine)
    with pytest.raises(GuestBuildError, match=r"umaccess_dbg\.lib is not built"):
        build_guest(routine, defines="DBG")


@pytest.mark.parametrize(
    ("defines", "expected"),
    [
        ((), False),
        (("DBG",), True),
        (("DBG=1",), True),
        (("DBG=",), True),
        (("DBG=0",), False),
        (("DBG=0", "DBG=1"), True),
        (("DBG", "DBG=0"), False),
        (("NDBG", "DBGX=1", "X=DBG"), False),
    ],
)
def test_which_defines_ask_for_the_debug_library(defines: tuple[str, ...], expected: bool) -> None:
    assert is_debug(defines) is expected

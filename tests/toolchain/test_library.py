# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib
import shutil

import pytest

from emu.toolchain import GuestBuildError, build_guest, guest_directory, library
from emu.toolchain.coff import archive_globals
from emu.toolchain.compiler import find_toolchain
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


@pytest.mark.parametrize("defines", [(), ("DBG=1",)])
def test_two_builds_are_the_same_bytes_wherever_they_are(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, defines: tuple[str, ...]
) -> None:
    built = []
    for number, directory in enumerate(("here", "somewhere/else")):
        guest = tmp_path / directory / "guest"
        shutil.copytree(guest_directory() / "umaccess", guest / "umaccess")
        monkeypatch.setenv("UMACCESS_EMU_CACHE", str(tmp_path / f"cache-{number}"))
        monkeypatch.chdir(guest)
        build_library(
            sorted((guest / "umaccess").glob("*.S")),
            guest / "made.lib",
            include=(guest_directory() / "include",),
            defines=defines,
        )
        built.append((guest / "made.lib").read_bytes())
    assert built[0] == built[1]
    assert str(tmp_path).encode() not in built[0]
    assert str(find_toolchain().directory).encode() not in built[0]


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

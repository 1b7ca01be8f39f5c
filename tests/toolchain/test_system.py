# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib
import shutil

import pytest

from emu.image import PeImage
from emu.toolchain import __main__ as command
from emu.toolchain import build_system, guest_directory, system
from emu.toolchain.coff import archive_globals
from emu.toolchain.compiler import find_toolchain
from emu.toolchain.native_core import native_core_name
from tests.toolchain.conftest import RETURNS_ITS_ARGUMENT, Write

LIBRARIES = ("umaccess.lib", "umaccess_dbg.lib")


@pytest.fixture
def project(write: Write, tmp_path: pathlib.Path) -> pathlib.Path:
    write("guest/kernel/kernel.S", RETURNS_ITS_ARGUMENT.format(name="KiStub"))
    write("guest/umaccess/copy.S", '#include "copy.inc"\n.globl Copy\nCopy: jmp RtlRaiseException\n')
    write("guest/umaccess/copy.inc", "// nothing yet\n")
    write("guest/include/copy.h", "// nothing here\n")
    write("emu/cpu/native/core.c", "int core(void); int core(void) { return 1; }")
    return tmp_path


def test_a_project_is_built_once_and_again_after_an_edit(project: pathlib.Path, write: Write) -> None:
    output = project / "emu" / "_built"
    assert build_system(project, output)
    kernel = PeImage.parse((output / "ntoskrnl.exe").read_bytes(), "ntoskrnl.exe")
    accessors = PeImage.parse((output / "umaccess.sys").read_bytes(), "umaccess.sys")
    assert set(kernel.exports) == {"KiStub"}
    assert kernel.imports == ()
    assert [each.name for each in accessors.imports] == ["RtlRaiseException"]
    assert (output / native_core_name()).is_file()
    for name in LIBRARIES:
        assert archive_globals((output / name).read_bytes()) == {"Copy"}

    assert not build_system(project, output)
    write("guest/umaccess/copy.inc", ".globl Added\nAdded: ret\n")
    assert build_system(project, output)
    accessors = PeImage.parse((output / "umaccess.sys").read_bytes(), "umaccess.sys")
    assert set(accessors.exports) == {"Added", "Copy"}
    for name in ("ntoskrnl.exe", *LIBRARIES):
        (output / name).unlink()
        assert build_system(project, output)
        assert (output / name).is_file()


def test_the_debug_library_is_of_the_same_sources_with_dbg(project: pathlib.Path, write: Write) -> None:
    write("guest/umaccess/check.S", "#if DBG\n.globl Copied\nCopied: ret\n#endif\n")
    build_system(project, project / "emu" / "_built")
    plain, debug = (archive_globals((project / "emu" / "_built" / name).read_bytes()) for name in LIBRARIES)
    assert (plain, debug) == ({"Copy"}, {"Copy", "Copied"})


def test_two_builds_are_the_same_bytes_wherever_they_are(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "build_native_core", lambda sources, output: output)
    products = ("ntoskrnl.exe", "umaccess.sys", *LIBRARIES)
    built = []
    for number, directory in enumerate(("here", "somewhere/else")):
        project = tmp_path / directory
        shutil.copytree(guest_directory(), project / "guest")
        monkeypatch.setenv("UMACCESS_EMU_CACHE", str(tmp_path / f"cache-{number}"))
        build_system(project, project / "_built")
        built.append([(project / "_built" / name).read_bytes() for name in products])
    for name, first, second in zip(products, *built, strict=True):
        assert first == second, name
        assert str(tmp_path).encode() not in first, name
        for place in (guest_directory(), find_toolchain().directory):
            assert str(place).encode() not in first, name


def test_the_command_says_what_it_did(
    project: pathlib.Path, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "built_directory", lambda: project / "emu" / "_built")
    assert command.main() == 0
    assert command.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["built", "up to date"]
    write("guest/kernel/kernel.S", "no such instruction\n")
    assert command.main() == 1
    assert "kernel.S:1:9: error" in capsys.readouterr().err


def test_the_checkout_has_its_guest_sources() -> None:
    assert (guest_directory() / "umaccess").is_dir()

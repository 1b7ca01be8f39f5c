# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu doctor`: well here, and clear about what is missing elsewhere."""

import json
from pathlib import Path

import pytest

from emu.cli import doctor
from emu.toolchain import ToolchainMissing, compiler
from tests.cli.command_line import Emu


def test_this_installation_is_well(emu: Emu) -> None:
    ran = emu("doctor")
    assert ran.status == 0, ran.out
    assert ran.err == ""
    for name in ("package", "engine", "native core", "system images", "libraries", "toolchain", "copy", "fault"):
        assert f"ok  {name}" in ran.out
    assert "calibrated: exception_in_flight 0x" in ran.out


def test_the_same_as_data(emu: Emu) -> None:
    ran = emu("doctor", "--json")
    data = json.loads(ran.out)
    assert data["healthy"]
    assert all(check.keys() == {"name", "healthy", "optional", "found", "remedy"} for check in data["checks"])


def test_a_missing_compiler_is_named_with_its_remedy(emu: Emu, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ToolchainMissing("no compiler wheel")

    monkeypatch.setattr(compiler, "find_toolchain", missing)
    ran = emu("doctor")
    assert ran.status == 0  # only building guest sources needs it
    assert "optional  toolchain      no compiler wheel" in ran.out
    assert "pip install 'umaccess-emu[toolchain]'" in ran.out


def test_missing_images_are_named(emu: Emu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "built_directory", lambda: tmp_path)
    ran = emu("doctor")
    assert ran.status == 1
    assert "ntoskrnl.exe, umaccess.sys not built" in ran.out
    assert "umaccess.lib, umaccess_dbg.lib not built" in ran.out
    assert "make setup" in ran.out


def test_a_check_that_breaks_in_any_way_is_a_finding() -> None:
    def broken() -> str:
        raise ImportError("libunicorn.so.2: cannot open shared object file")

    finding = doctor.examine("engine", broken, "install it")
    assert finding == doctor.Finding(
        "engine", False, False, "libunicorn.so.2: cannot open shared object file", "install it"
    )

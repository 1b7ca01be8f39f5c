# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu path`: what a driver's build asks for."""

import json
from pathlib import Path

import pytest

from emu.toolchain import built_directory, guest_directory, library
from tests.cli.command_line import Emu


def test_the_header(emu: Emu) -> None:
    ran = emu("path", "include")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"{guest_directory() / 'include'}\n"
    assert (Path(ran.out.strip()) / "usermode_accessors.h").is_file()


@pytest.mark.parametrize(("options", "name"), [((), "umaccess.lib"), (("--dbg",), "umaccess_dbg.lib")])
def test_the_library(emu: Emu, options: tuple[str, ...], name: str) -> None:
    ran = emu("path", "lib", *options)
    assert (ran.status, ran.out, ran.err) == (0, f"{built_directory() / name}\n", "")
    assert Path(ran.out.strip()).read_bytes().startswith(b"!<arch>\n")
    assert json.loads(emu("path", "lib", *options, "--json").out) == {"path": ran.out.strip()}


def test_without_a_word_all_of_them(emu: Emu) -> None:
    ran = emu("path")
    assert (ran.status, len(ran.out.splitlines())) == (0, 3)
    data = json.loads(emu("path", "--json").out)
    assert list(data) == ["include", "lib", "lib_dbg"]
    for line, path in zip(ran.out.splitlines(), data.values(), strict=True):
        assert line.endswith(f" {path}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("libs",), "there is no path 'libs'; there are include and lib"),
        (("include", "--dbg"), "--dbg is about the library, not about include: emu path lib --dbg"),
        (("--dbg",), "--dbg is about the library: emu path lib --dbg"),
    ],
)
def test_a_wrong_word(emu: Emu, arguments: tuple[str, ...], message: str) -> None:
    ran = emu("path", *arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", f"emu: {message}\n")


def test_what_is_not_built(emu: Emu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "built_directory", lambda: tmp_path)
    ran = emu("path", "lib")
    assert (ran.status, ran.out) == (2, "")
    assert "umaccess.lib is not built; run `make setup`" in ran.err

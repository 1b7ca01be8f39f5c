# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib

import pytest

from emu.image import PeImage
from emu.toolchain import GuestBuildError, build_guest, import_library
from emu.toolchain.import_library import read_definition
from tests.toolchain.conftest import Write


def test_a_definition_gives_names_and_whether_they_are_data() -> None:
    text = """
    ; a comment
    LIBRARY "ntoskrnl.exe"
    EXPORTS
    DbgPrint
    MmUserProbeAddress DATA ; and another
    "Quoted"
    Numbered @12 NONAME
    strlwr == _strlwr
    alias=other
    """
    assert read_definition(text) == {
        "DbgPrint": False,
        "MmUserProbeAddress": True,
        "Quoted": False,
        "Numbered": False,
    }


def test_our_definition_adds_to_the_wheels(
    write: Write, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write("caller.S", ".globl caller\ncaller: call DbgPrint\ncall OnlyOurs\nret\n")
    monkeypatch.setattr(import_library, "guest_directory", lambda: tmp_path)
    with pytest.raises(GuestBuildError, match="undefined symbol: OnlyOurs"):
        build_guest(source)
    write("kernel/ntoskrnl.def", "LIBRARY ntoskrnl.exe\nEXPORTS\nOnlyOurs\n")
    image = PeImage.parse(build_guest(source).read_bytes(), "caller.sys")
    assert {(each.dll, each.name) for each in image.imports} == {
        ("ntoskrnl.exe", "DbgPrint"),
        ("ntoskrnl.exe", "OnlyOurs"),
    }


def test_an_export_of_the_users_own_is_imported_by_its_import_symbol(write: Write) -> None:
    source = write("mine.S", ".globl caller\ncaller: call *__imp_NobodyElseHasThis(%rip)\nret\n")
    image = PeImage.parse(build_guest(source).read_bytes(), "mine.sys")
    assert [(each.dll, each.name) for each in image.imports] == [("ntoskrnl.exe", "NobodyElseHasThis")]


def test_a_plain_call_of_an_unknown_name_stays_an_error(write: Write) -> None:
    source = write("typo.S", ".globl caller\ncaller: call DbgPrnt\nret\n")
    with pytest.raises(GuestBuildError, match="undefined symbol: DbgPrnt"):
        build_guest(source)

# SPDX-License-Identifier: GPL-2.0-or-later
"""One instruction of the code that ran, in words."""

from __future__ import annotations

import pytest

from emu.address import Gva
from emu.trace import Code


def code(encoding: str, *, symbol: str = "copy", offset: int = 0x10, module: str = "m.sys") -> Code:
    return Code(Gva(0xFFFF_F800_0000_1010), bytes.fromhex(encoding), module, symbol, offset, "copy.S", 7)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("8807", "mov byte ptr [rdi], al"),
        ("7505", "jne copy+0x17"),
        ("75f0", "jne copy+0x2"),
        ("75ee", "jne copy"),
        ("ebe0", "jmp copy-0xe"),
        ("e8fbffffff", "call 0xfffff80000001010"),
        ("ffd0", "call rax"),
        ("ff2500000000", "jmp qword ptr [rip]"),
        ("ff15cf100000", "call qword ptr [rip + 0x10cf]"),
        ("06", ".byte 0x06"),
    ],
)
def test_the_text(encoding: str, text: str) -> None:
    assert code(encoding).text == text


def test_a_jump_outside_every_symbol_has_its_address() -> None:
    assert code("7505", symbol="").text == "jne 0xfffff80000001017"


@pytest.mark.parametrize(("encoding", "mnemonic"), [("f3a4", "rep movsb"), ("f00fb117", "lock cmpxchg"), ("c3", "ret")])
def test_the_mnemonic_has_its_prefix(encoding: str, mnemonic: str) -> None:
    assert code(encoding).mnemonic == mnemonic


def test_the_place() -> None:
    assert code("c3").place == "m.sys!copy+0x10"
    assert code("c3", offset=0).place == "m.sys!copy"
    assert code("c3", symbol="").place == "m.sys+0x10"
    assert code("c3", module="", symbol="").place == "0xfffff80000001010"


def test_the_source() -> None:
    assert code("c3").source == "copy.S:7"
    assert code("c3")._replace(file="").source == ""

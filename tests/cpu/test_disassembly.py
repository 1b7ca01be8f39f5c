# SPDX-License-Identifier: GPL-2.0-or-later
from emu.cpu.disassembly import disassemble


def test_the_first_instruction_and_its_operands() -> None:
    found = disassemble(bytes.fromhex("488b4108 c3"))
    assert found is not None
    assert (found.mnemonic, found.size, len(found.operands)) == ("mov", 4, 2)


def test_targets_are_those_of_the_address() -> None:
    found = disassemble(bytes.fromhex("eb00"), 0x1000)
    assert found is not None
    assert found.op_str == "0x1002"


def test_what_is_no_instruction() -> None:
    assert disassemble(b"") is None
    assert disassemble(b"\x06") is None

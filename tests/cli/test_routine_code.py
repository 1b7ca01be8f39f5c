# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.accessors import FAMILY
from emu.cli.routine_code import accessor_image, routine_code


def test_a_routine_is_its_instructions_to_the_last_one() -> None:
    code = routine_code("CopyFromUser")
    assert code is not None
    assert code.rows[0].offset == 0
    assert all(row.text and row.line and row.source for row in code.rows)
    assert code.rows[-1].offset < code.size
    assert "int3" not in code.rows[-1].text
    function = accessor_image().functions.lookup(accessor_image().exports["CopyFromUser"])
    assert function is not None
    assert code.size >= function.end - function.begin


def test_what_it_addresses_and_where_it_jumps_has_names() -> None:
    code = routine_code("ReadULongFromUser")
    assert code is not None
    texts = [row.text for row in code.rows]
    assert texts[0].endswith("[UmaKernelRtlReadULongFromUser]")
    assert any(text.startswith("mov eax, dword ptr [rcx]") for text in texts)
    assert any(text.startswith("call UmaRaise") for text in texts)
    assert not [text for text in texts if "[rip" in text]
    offsets = {row.offset for row in code.rows}
    for text in texts:
        word = text.split()[-1]
        if text.startswith("j") and word.startswith("+"):
            assert int(word, 16) in offsets


@pytest.mark.parametrize("name", [name for name, each in FAMILY.items() if each.kind == "function"][::9])
def test_no_two_routines_share_code(name: str) -> None:
    code = routine_code(name)
    assert code is not None
    begin = accessor_image().exports[name]
    assert not [other for other, rva in accessor_image().exports.items() if begin < rva < begin + code.size]


def test_what_is_no_routine() -> None:
    assert routine_code("CopyFromUserAligned") is None

# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.accessors import FAMILY
from emu.cli.accessor_source import assembly_macros, called_functions, header_inline, header_macro
from emu.cli.routine_code import CodeRow, accessor_image, routine_code

MACROS = [name for name, accessor in FAMILY.items() if accessor.kind == "macro"]


@pytest.mark.parametrize("name", MACROS)
def test_a_macro_calls_what_the_table_says(name: str) -> None:
    macro = header_macro(name)
    assert macro is not None
    assert macro.text.startswith(f"#define {name}({', '.join(each.name for each in FAMILY[name].parameters)})")
    assert "\\" not in macro.text
    called = called_functions(macro)
    assert set(FAMILY[name].calls) <= set(called)
    for each in called:
        assert (each in accessor_image().exports) == (header_inline(each) is None)


def test_a_function_is_no_macro() -> None:
    assert header_macro("CopyFromUser") is None


def test_the_macros_of_a_routine_are_the_library_s() -> None:
    code = routine_code("ReadULongFromUser")
    assert code is not None
    (read,) = assembly_macros(code.rows)
    assert read.name == "READ"
    assert read.text.strip().startswith(".macro  READ name, primitive, size")
    assert read.text.strip().endswith(".endm")


def test_a_macro_that_is_passed_to_another_is_shown_too() -> None:
    code = routine_code("InterlockedOrToUser")
    assert code is not None
    assert [macro.name for macro in assembly_macros(code.rows)] == ["INTERLOCKED", "OR_VALUE"]


def test_of_two_macros_of_one_name_it_is_the_library_s() -> None:
    row = CodeRow(0, "", None, "ENTER RtlSetUserMemory")
    (enter,) = assembly_macros([row, row, CodeRow(7, "", None, "nop")])
    assert "UmaKernel" in enter.text

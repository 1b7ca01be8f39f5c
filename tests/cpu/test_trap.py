# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.cpu.trap import VECTOR_NAMES, VECTORS_WITH_ERROR_CODE, Vector, describe_error_code


@pytest.mark.parametrize(
    ("error_code", "text"),
    [
        (0x00, "read, supervisor mode, page not present"),
        (0x02, "write, supervisor mode, page not present"),
        (0x03, "write, supervisor mode, protection"),
        (0x05, "read, user mode, protection"),
        (0x11, "fetch, supervisor mode, protection"),
        (0x09, "read, supervisor mode, protection, reserved bit set"),
    ],
)
def test_error_codes_in_words(error_code: int, text: str) -> None:
    assert describe_error_code(error_code) == text


def test_every_exception_with_an_error_code_has_a_name() -> None:
    assert set(VECTOR_NAMES) >= VECTORS_WITH_ERROR_CODE
    assert VECTOR_NAMES[Vector.PAGE_FAULT] == "#PF"


def test_stops_that_are_no_exceptions_are_no_vectors() -> None:
    assert min(Vector.HOST_CALL, Vector.BUDGET_EXHAUSTED, Vector.ENGINE_STOPPED) > 255

# SPDX-License-Identifier: GPL-2.0-or-later
"""Integers and their digits in Unicode strings."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Machine, NtStatus, Raised
from tests.kernel.exports.calls import at_page_end, buffer_content, contents, counted, counted_at, value_of

INVALID_BASES = [1, 3, 7, 9, 11, 16 + 1, 36, 0xFFFF_FFFF]


def units(text: str) -> bytes:
    return text.encode("utf-16-le")


@pytest.mark.parametrize(
    ("text", "base", "value"),
    [
        ("123", 10, 123),
        ("123", 0, 123),
        ("0x1fE", 0, 0x1FE),
        ("0o17", 0, 0o17),
        ("0b101", 0, 0b101),
        ("0x1f", 16, 0),
        ("1F", 16, 0x1F),
        ("17", 8, 0o17),
        ("101", 2, 5),
        (" \t\r\n 42", 10, 42),
        ("+42", 10, 42),
        ("-1", 10, 0xFFFF_FFFF),
        ("-0x10", 0, 0xFFFF_FFF0),
        ("12a4", 10, 12),
        ("12 4", 10, 12),
        ("8", 8, 0),
        ("0x", 0, 0),
        ("", 10, 0),
        ("-", 0, 0),
        ("abc", 10, 0),
        ("0777", 0, 777),
        ("4294967297", 10, 1),
        ("\u0661", 10, 0),
    ],
)
def test_from_digits(machine: Machine, text: str, base: int, value: int) -> None:
    result = at_page_end(machine, b"\xcc" * 4)
    assert value_of(machine, "RtlUnicodeStringToInteger", counted(machine, units(text)), base, result) == 0
    assert int.from_bytes(result.read(), "little") == value


@pytest.mark.parametrize("base", INVALID_BASES)
def test_no_such_base(machine: Machine, base: int) -> None:
    result, string = machine.kernel.alloc(b"\xcc" * 4), counted(machine, units("11111111111"))
    assert value_of(machine, "RtlUnicodeStringToInteger", string, base, result) == NtStatus.INVALID_PARAMETER
    assert result.read() == b"\xcc" * 4
    before = string.read()
    assert value_of(machine, "RtlIntegerToUnicodeString", 5, base, string) == NtStatus.INVALID_PARAMETER
    assert string.read() == before


def test_a_result_that_cannot_be_written(machine: Machine) -> None:
    outcome = machine.call("RtlUnicodeStringToInteger", counted(machine, units("1")), 10, 0)
    assert type(outcome) is Raised
    assert (outcome.record.code, outcome.record.information) == (NtStatus.ACCESS_VIOLATION, (1, 0))


@pytest.mark.parametrize(
    ("value", "base", "digits"),
    [
        (0, 0, "0"),
        (0xFFFF_FFFF, 10, "4294967295"),
        (0xFFFF_FFFF, 0, "4294967295"),
        (0xBEEF, 16, "BEEF"),
        (8, 8, "10"),
        (0xFFFF_FFFF, 2, "1" * 32),
        (0x5_0000_0001, 2, "1"),
    ],
)
def test_to_digits(machine: Machine, value: int, base: int, digits: str) -> None:
    room = 2 * len(digits) + 2
    buffer = at_page_end(machine, b"\xcc" * room)
    string = counted_at(machine, 0, room, int(buffer))
    assert value_of(machine, "RtlIntegerToUnicodeString", value, base, string) == 0
    assert contents(string)[:2] == (room - 2, room)
    assert buffer.read() == units(digits) + b"\0\0"


def test_no_room_for_the_digits(machine: Machine) -> None:
    string = counted(machine, b"", 6)
    assert value_of(machine, "RtlIntegerToUnicodeString", 123, 10, string) == NtStatus.BUFFER_OVERFLOW
    assert buffer_content(machine, string) == b"\xcc" * 6


def test_there_and_back(lasting: Machine) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 0xFFFF_FFFF), st.sampled_from([2, 8, 10, 16]))
    def check(value: int, base: int) -> None:
        lasting.reset()
        string, result = counted(lasting, b"", 66), lasting.kernel.alloc(4)
        assert value_of(lasting, "RtlIntegerToUnicodeString", value, base, string) == 0
        assert value_of(lasting, "RtlUnicodeStringToInteger", string, base, result) == 0
        assert int.from_bytes(result.read(), "little") == value

    check()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Upper and lower case of characters and counted strings."""

import pytest

from emu import Bugchecked, Machine, NtStatus
from tests.kernel.exports.calls import PAGE, at_page_end, buffer_content, contents, counted, counted_at, value_of


def units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize(
    ("unit", "upper"), [("a", "A"), ("é", "É"), ("ÿ", "Ÿ"), ("ß", "ß"), ("я", "Я"), ("\ud83d", "\ud83d")]
)
def test_upcase_of_a_character(machine: Machine, unit: str, upper: str) -> None:
    assert value_of(machine, "RtlUpcaseUnicodeChar", 0x5_0000 | ord(unit)) == ord(upper)


@pytest.mark.parametrize(("unit", "lower"), [("A", "a"), ("É", "é"), ("İ", "İ"), ("Я", "я"), ("\ud83d", "\ud83d")])
def test_downcase_of_a_character(machine: Machine, unit: str, lower: str) -> None:
    assert value_of(machine, "RtlDowncaseUnicodeChar", 0x5_0000 | ord(unit)) == ord(lower)


@pytest.mark.parametrize(("byte", "upper"), [(0x61, 0x41), (0xE9, 0xC9), (0xFF, 0xFF), (0xB5, 0xB5), (0xDF, 0xDF)])
def test_upper_case_of_a_byte(machine: Machine, byte: int, upper: int) -> None:
    assert value_of(machine, "RtlUpperChar", 0x1200 | byte) == upper


@pytest.mark.parametrize(
    ("function", "changed"), [("RtlUpcaseUnicodeString", "ABCÉ1"), ("RtlDowncaseUnicodeString", "abcé1")]
)
class TestUnicodeString:
    def test_into_a_buffer(self, machine: Machine, function: str, changed: str) -> None:
        target, source = counted(machine, b"", 10), counted(machine, units("aBcÉ1"))
        assert value_of(machine, function, target, source, 0) == 0
        assert contents(target)[:2] == (10, 10)
        assert buffer_content(machine, target) == units(changed)

    def test_in_place(self, machine: Machine, function: str, changed: str) -> None:
        string = counted(machine, units("aBcÉ1"))
        assert value_of(machine, function, string, string, 0) == 0
        assert buffer_content(machine, string) == units(changed)

    def test_too_small(self, machine: Machine, function: str, changed: str) -> None:
        target, source = counted(machine, b"", 9), counted(machine, units("aBcÉ1"))
        assert value_of(machine, function, target, source, 0) == NtStatus.BUFFER_OVERFLOW
        assert contents(target)[:2] == (0, 9)
        assert buffer_content(machine, target) == b"\xcc" * 9

    def test_allocated(self, machine: Machine, function: str, changed: str) -> None:
        target, source = counted_at(machine, 0xAAAA, 0xBBBB, 0x1234), counted(machine, units("aBcÉ1"))
        assert value_of(machine, function, target, source, 0x100 | 1) == 0
        (block,) = machine.pool.outstanding
        assert contents(target) == (10, 10, block.address)
        assert machine._system.memory.read(block.address, block.size) == units(changed)
        value_of(machine, "RtlFreeUnicodeString", target)
        assert machine.pool.outstanding == []


def test_a_fault_is_at_its_byte(machine: Machine) -> None:
    buffer = machine.kernel.alloc(b"\xcc" * 4, offset=PAGE - 4)
    target = counted_at(machine, 0, 10, int(buffer))
    outcome = machine.call("RtlUpcaseUnicodeString", target, counted(machine, units("hello")), 0)
    assert type(outcome) is Bugchecked
    assert outcome.parameters[0] == buffer.address + 4
    assert buffer.read() == units("HE")
    assert contents(target)[0] == 0


@pytest.mark.parametrize(
    ("maximum", "written"), [(5, b"ABC\xc91"), (8, b"ABC\xc91\xcc\xcc\xcc"), (3, b"ABC"), (0, b"")]
)
def test_upper_string_cuts_what_does_not_fit(machine: Machine, maximum: int, written: bytes) -> None:
    buffer = at_page_end(machine, b"\xcc" * maximum)
    target = counted_at(machine, 0, maximum, int(buffer))
    value_of(machine, "RtlUpperString", target, counted(machine, b"aBc\xe91"))
    assert contents(target)[:2] == (min(5, maximum), maximum)
    assert buffer.read() == written

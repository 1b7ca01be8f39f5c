# SPDX-License-Identifier: GPL-2.0-or-later
"""Counted strings: what is written, what is not, and where the limits are."""

import pytest

from emu import Bugchecked, Machine, NtStatus
from tests.kernel.exports.calls import (
    PAGE,
    ansi,
    at_page_end,
    contents,
    counted,
    counted_at,
    value_of,
    wide,
)


def units(text: str) -> bytes:
    return text.encode("utf-16-le")


@pytest.mark.parametrize("text", ["", "x", "hello"])
def test_init_unicode(machine: Machine, text: str) -> None:
    string = machine.kernel.alloc(b"\xcc" * 16)
    source = at_page_end(machine, wide(text))
    value_of(machine, "RtlInitUnicodeString", string, source)
    assert contents(string) == (2 * len(text), 2 * len(text) + 2, source.address)


@pytest.mark.parametrize("function", ["RtlInitAnsiString", "RtlInitString"])
def test_init_ansi(machine: Machine, function: str) -> None:
    string = machine.kernel.alloc(b"\xcc" * 16)
    source = at_page_end(machine, ansi("hello"))
    value_of(machine, function, string, source)
    assert contents(string) == (5, 6, source.address)


@pytest.mark.parametrize("function", ["RtlInitAnsiString", "RtlInitUnicodeString"])
def test_init_with_null(machine: Machine, function: str) -> None:
    string = machine.kernel.alloc(b"\xcc" * 16)
    value_of(machine, function, string, 0)
    assert contents(string) == (0, 0, 0)


def test_init_cuts_what_is_too_long(machine: Machine) -> None:
    string = machine.kernel.alloc(16)
    value_of(machine, "RtlInitUnicodeString", string, machine.kernel.alloc(b"a\0" * 0x9000 + b"\0\0"))
    assert contents(string)[:2] == (0xFFFC, 0xFFFE)
    value_of(machine, "RtlInitAnsiString", string, machine.kernel.alloc(b"a" * 0x12000 + b"\0"))
    assert contents(string)[:2] == (0xFFFE, 0xFFFF)


@pytest.mark.parametrize(
    ("source", "maximum", "written"),
    [
        ("hello", 12, units("hello") + b"\0\0"),
        ("hello", 10, units("hello")),
        ("hello", 11, units("hello") + b"\xcc"),
        ("hello", 4, units("he")),
        ("", 4, b"\0\0\xcc\xcc"),
    ],
)
def test_copy(machine: Machine, source: str, maximum: int, written: bytes) -> None:
    buffer = at_page_end(machine, b"\xcc" * maximum)
    target = counted_at(machine, 0, maximum, int(buffer))
    value_of(machine, "RtlCopyUnicodeString", target, counted(machine, units(source)))
    assert contents(target) == (min(2 * len(source), maximum), maximum, buffer.address)
    assert buffer.read() == written


def test_copy_of_nothing(machine: Machine) -> None:
    target = counted(machine, units("abc"))
    value_of(machine, "RtlCopyUnicodeString", target, 0)
    assert contents(target)[:2] == (0, 6)


def test_append(machine: Machine) -> None:
    buffer = at_page_end(machine, units("ab") + b"\xcc" * 8)
    target = counted_at(machine, 4, 12, int(buffer))
    assert value_of(machine, "RtlAppendUnicodeStringToString", target, counted(machine, units("c"))) == 0
    assert contents(target)[:2] == (6, 12)
    assert buffer.read() == units("abc") + b"\0\0" + b"\xcc" * 4
    assert value_of(machine, "RtlAppendUnicodeToString", target, at_page_end(machine, wide("def"))) == 0
    assert contents(target)[:2] == (12, 12)
    assert buffer.read() == units("abcdef")
    for call in (
        ("RtlAppendUnicodeToString", target, at_page_end(machine, wide("g"))),
        ("RtlAppendUnicodeStringToString", target, counted(machine, units("g"))),
    ):
        assert value_of(machine, *call) == NtStatus.BUFFER_TOO_SMALL
        assert contents(target)[:2] == (12, 12)
        assert buffer.read() == units("abcdef")


@pytest.mark.parametrize("function", ["RtlAppendUnicodeToString", "RtlAppendUnicodeStringToString"])
def test_append_nothing(machine: Machine, function: str) -> None:
    target = counted(machine, units("ab"))
    assert value_of(machine, function, target, 0) == 0
    assert contents(target)[:2] == (4, 4)


def test_a_fault_in_the_copy_leaves_the_length(machine: Machine) -> None:
    buffer = machine.kernel.alloc(b"\xcc" * 4, offset=PAGE - 4)
    target = counted_at(machine, 0, 10, int(buffer))
    outcome = machine.call("RtlCopyUnicodeString", target, counted(machine, units("hello")))
    assert type(outcome) is Bugchecked
    assert outcome.parameters[0] == buffer.address + 4
    assert buffer.read() == units("he")
    assert contents(target)[0] == 0


def test_copy_of_ansi_strings(machine: Machine) -> None:
    buffer = at_page_end(machine, b"\xcc" * 6)
    target = counted_at(machine, 0, 6, int(buffer))
    value_of(machine, "RtlCopyString", target, counted(machine, b"abc"))
    assert contents(target) == (3, 6, buffer.address)
    assert buffer.read() == b"abc\xcc\xcc\xcc"  # no terminator
    value_of(machine, "RtlCopyString", target, counted(machine, b"0123456789"))
    assert contents(target)[0] == 6
    assert buffer.read() == b"012345"
    value_of(machine, "RtlCopyString", target, 0)
    assert contents(target) == (0, 6, buffer.address)


def test_checked_init(machine: Machine) -> None:
    string = machine.kernel.alloc(b"\xcc" * 16)
    source = at_page_end(machine, wide("hello"))
    assert value_of(machine, "RtlInitUnicodeStringEx", string, source) == 0
    assert contents(string) == (10, 12, source.address)
    assert value_of(machine, "RtlInitUnicodeStringEx", string, 0) == 0
    assert contents(string) == (0, 0, 0)
    longest = machine.kernel.alloc(b"a\0" * 0x7FFF + b"\0\0")
    assert value_of(machine, "RtlInitUnicodeStringEx", string, longest.address + 2) == 0
    assert contents(string)[:2] == (0xFFFC, 0xFFFE)
    before = string.read()
    assert value_of(machine, "RtlInitUnicodeStringEx", string, longest) == NtStatus.NAME_TOO_LONG
    assert string.read() == before

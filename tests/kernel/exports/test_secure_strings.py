# SPDX-License-Identifier: GPL-2.0-or-later
"""Routines that know the size of their destination: what they write, and what they answer."""

import pytest

from emu import Bugchecked, Machine
from tests.kernel.exports.calls import PAGE, at_page_end, value_of

EINVAL, ERANGE = 22, 34
POISON = b"\xcc"

WIDTHS = pytest.mark.parametrize(("prefix", "size"), [("str", 1), ("wcs", 2)])


def text(content: bytes, size: int) -> bytes:
    """Return characters of a size, each from a byte."""
    return b"".join(bytes((byte,)).ljust(size, b"\0") for byte in content)


@WIDTHS
class TestCopy:
    @pytest.mark.parametrize(
        ("room", "written", "result"),
        [(6, b"hello\0", 0), (8, b"hello\0", 0), (5, b"\0ello", ERANGE), (1, b"\0", ERANGE)],
    )
    def test_room(self, machine: Machine, prefix: str, size: int, room: int, written: bytes, result: int) -> None:
        target = at_page_end(machine, POISON * (room * size))
        source = at_page_end(machine, text(b"hello\0", size))
        assert value_of(machine, f"{prefix}cpy_s", target, room, source) == result
        assert target.read() == text(written, size).ljust(room * size, POISON)

    def test_invalid_parameters(self, machine: Machine, prefix: str, size: int) -> None:
        target, source = at_page_end(machine, POISON * (4 * size)), at_page_end(machine, text(b"hi\0", size))
        function = f"{prefix}cpy_s"
        assert value_of(machine, function, 0, 4, source) == EINVAL
        assert value_of(machine, function, target, 0, source) == EINVAL
        assert target.read() == POISON * (4 * size)
        assert value_of(machine, function, target, 4, 0) == EINVAL
        assert target.read() == bytes(size) + POISON * (3 * size)

    def test_a_fault_is_at_its_character(self, machine: Machine, prefix: str, size: int) -> None:
        target = at_page_end(machine, POISON * (2 * size))
        outcome = machine.call(f"{prefix}cpy_s", target, 64, at_page_end(machine, text(b"hello\0", size)))
        assert type(outcome) is Bugchecked
        assert outcome.parameters[0] == target.address + 2 * size
        assert target.read() == text(b"he", size)


@WIDTHS
class TestAppend:
    @pytest.mark.parametrize(
        ("before", "written", "result"),
        [
            (b"ab\0...", b"abcde\0", 0),
            (b"\0.....", b"cde\0..", 0),
            (b"abc\0..", b"\0bccde", ERANGE),
            (b"abcde\0", b"\0bcdec", ERANGE),
            (b"abcdef", b"\0bcdef", EINVAL),
        ],
    )
    def test_room(self, machine: Machine, prefix: str, size: int, before: bytes, written: bytes, result: int) -> None:
        target = at_page_end(machine, text(before, size))
        source = at_page_end(machine, text(b"cde\0", size))
        assert value_of(machine, f"{prefix}cat_s", target, 6, source) == result
        assert target.read() == text(written, size)

    def test_invalid_parameters(self, machine: Machine, prefix: str, size: int) -> None:
        target, source = at_page_end(machine, text(b"ab\0.", size)), at_page_end(machine, text(b"c\0", size))
        function = f"{prefix}cat_s"
        assert value_of(machine, function, 0, 4, source) == EINVAL
        assert value_of(machine, function, target, 0, source) == EINVAL
        assert target.read() == text(b"ab\0.", size)
        assert value_of(machine, function, target, 4, 0) == EINVAL
        assert target.read() == text(b"\0b\0.", size)


@pytest.mark.parametrize(("function", "failed"), [("memcpy_s", bytes(4) + POISON * 4), ("memmove_s", POISON * 8)])
class TestMemory:
    def test_copies(self, machine: Machine, function: str, failed: bytes) -> None:
        target, source = machine.kernel.alloc(POISON * 8), machine.kernel.alloc(b"01234567")
        assert value_of(machine, function, target, 8, source, 5) == 0
        assert target.read() == b"01234" + POISON * 3
        assert value_of(machine, function, target, 8, source, 8) == 0
        assert target.read() == b"01234567"

    @pytest.mark.parametrize(("has_source", "result"), [(True, ERANGE), (False, EINVAL)])
    def test_failures(self, machine: Machine, function: str, failed: bytes, has_source: bool, result: int) -> None:
        target, source = machine.kernel.alloc(POISON * 8), machine.kernel.alloc(b"01234567")
        assert value_of(machine, function, target, 4, source if has_source else 0, 5) == result
        assert target.read() == failed

    def test_no_destination(self, machine: Machine, function: str, failed: bytes) -> None:
        assert value_of(machine, function, 0, 4, machine.kernel.alloc(4), 4) == EINVAL

    def test_no_bytes_are_always_well(self, machine: Machine, function: str, failed: bytes) -> None:
        assert value_of(machine, function, 0, 0, 0, 0) == 0


def test_memmove_s_of_overlapping_blocks(machine: Machine) -> None:
    block = machine.kernel.alloc(bytes(range(64)), offset=PAGE - 32)
    assert value_of(machine, "memmove_s", block.address + 3, 61, block, 61) == 0
    assert block.read() == bytes(range(3)) + bytes(range(61))

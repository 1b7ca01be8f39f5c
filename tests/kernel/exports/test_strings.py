# SPDX-License-Identifier: GPL-2.0-or-later
"""The zero-terminated string routines, each for both sizes of character, against Python's own.

Every string ends right before an unmapped page, so that a routine that reads behind one bugchecks.
"""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Machine
from emu.memory.buffer import Buffer
from tests.kernel.exports.calls import PAGE, ansi, int_of, value_of, wide


@dataclasses.dataclass(frozen=True)
class Names:
    """One of the two families; `names["len"]` is `strlen` or `wcslen`."""

    prefix: str
    fold_prefix: str
    size: int
    encode: Callable[[str], bytes]

    def __getitem__(self, name: str) -> str:
        return f"{self.prefix}{name}"


NARROW = Names("str", "_str", 1, ansi)
WIDE = Names("wcs", "_wcs", 2, wide)
both = pytest.mark.parametrize("names", [NARROW, WIDE], ids=["narrow", "wide"])

letters = st.text(st.sampled_from("abAB@[`{\xe9"), max_size=8)
counts = st.integers(0, 10)
examples = settings(max_examples=40, deadline=None)


class Scratch:
    """Two places at the end of a page each, used over and over."""

    def __init__(self, machine: Machine, names: Names) -> None:
        self.machine = machine
        self.names = names
        self.pages = [machine.kernel.alloc(PAGE) for _ in range(2)]

    def put(self, text: str, place: int = 0) -> int:
        """Put a string, its terminator the last of the page; return its address."""
        return self.put_bytes(self.names.encode(text), place)

    def put_bytes(self, data: bytes, place: int) -> int:
        page: Buffer = self.pages[place]
        page.write(data, PAGE - len(data))
        return page.address + PAGE - len(data)


@both
def test_lengths(lasting: Machine, names: Names) -> None:
    scratch = Scratch(lasting, names)

    @examples
    @given(letters, counts)
    def check(text: str, count: int) -> None:
        at = scratch.put(text)
        assert value_of(lasting, names["len"], at) == len(text)
        assert value_of(lasting, names["nlen"], at, count) == min(len(text), count)

    check()


@both
def test_comparisons(lasting: Machine, names: Names) -> None:
    scratch = Scratch(lasting, names)

    def fold(text: str) -> str:
        return "".join(chr(ord(c) | 0x20) if "A" <= c <= "Z" else c for c in text)

    def sign(one: str, other: str) -> int:
        return (one > other) - (one < other)

    @examples
    @given(letters, letters, counts)
    def check(one: str, other: str, count: int) -> None:
        first, second = scratch.put(one, 0), scratch.put(other, 1)
        assert int_of(lasting, names["cmp"], first, second) == sign(one, other)
        assert int_of(lasting, names["ncmp"], first, second, count) == sign(one[:count], other[:count])
        folded = fold(one), fold(other)
        assert int_of(lasting, f"{names.fold_prefix}icmp", first, second) == sign(*folded)
        expected = sign(folded[0][:count], folded[1][:count])
        assert int_of(lasting, f"{names.fold_prefix}nicmp", first, second, count) == expected

    check()


@both
def test_copies(lasting: Machine, names: Names) -> None:
    scratch = Scratch(lasting, names)
    poison = b"\xcc" * 64

    @examples
    @given(letters, letters, counts)
    def check(source: str, begun: str, count: int) -> None:
        encode, size = names.encode, names.size
        at = scratch.put(source, 1)
        cut = source[:count]

        def result(function: str, before: bytes, *arguments: int) -> bytes:
            target = scratch.put_bytes(before + poison, 0)
            assert value_of(lasting, function, target, at, *arguments) == target
            return scratch.pages[0].read(len(before + poison), PAGE - len(before + poison))

        def expected(before: bytes, written: bytes) -> bytes:
            return written + (before + poison)[len(written) :]

        start = encode(begun)
        assert result(names["cpy"], b"") == expected(b"", encode(source))
        padded = encode(cut)[: len(cut) * size].ljust(count * size, b"\0")
        assert result(names["ncpy"], b"", count) == expected(b"", padded)
        assert result(names["cat"], start) == expected(start, encode(begun + source))
        assert result(names["ncat"], start, count) == expected(start, encode(begun + cut))

    check()


@both
def test_searches(lasting: Machine, names: Names) -> None:
    scratch = Scratch(lasting, names)

    @examples
    @given(letters, st.sampled_from("abAB\0"), st.text(st.sampled_from("ab"), max_size=3))
    def check(text: str, character: str, part: str) -> None:
        at = scratch.put(text, 0)
        terminated = text + "\0"

        def address(index: int) -> int:
            return at + index * names.size if index >= 0 else 0

        unused_bits = 0x7A7A_0000
        wanted = ord(character) | unused_bits
        assert value_of(lasting, names["chr"], at, wanted) == address(terminated.find(character))
        assert value_of(lasting, names["rchr"], at, wanted) == address(terminated.rfind(character))
        assert value_of(lasting, names["str"], at, scratch.put(part, 1)) == address(text.find(part))

    check()


def test_case_of_a_character(machine: Machine) -> None:
    for code in (*b"@AZ[`az{", 0, 0xC9, 0xE9):
        character = chr(code)
        ascii_only = code < 0x80
        lower = ord(character.lower()) if ascii_only else code
        upper = ord(character.upper()) if ascii_only else code
        assert value_of(machine, "tolower", code) == value_of(machine, "towlower", code) == lower
        assert value_of(machine, "toupper", code) == value_of(machine, "towupper", code) == upper

# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in directives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.testing.assembly_file.model import Allocate, Number, Place, Slice
from emu.testing.assembly_file.scanner import DirectiveError, Scanner
from emu.testing.assembly_file.scope import KEYWORDS, Scope

OFFSETS = st.integers(0, 2**64 - 1)


def scope(symbols: frozenset[str] | None = frozenset({"f"}), size: int = 64) -> Scope:
    made = Scope(symbols, ("f",))
    made.buffers["src"] = Allocate("user", "src", (), size, None)
    return made


@given(st.sampled_from(["src", "f"]), OFFSETS, st.booleans(), st.booleans())
def test_places(name: str, offset: int, negative: bool, hexadecimal: bool) -> None:
    text = f"{name}{'-' if negative else '+'}{hex(offset) if hexadecimal else offset}"
    assert scope().value(Scanner(1, text)) == Place(name, -offset if negative else offset)


def test_a_minus_behind_a_space_begins_a_number() -> None:
    scanner, names = Scanner(1, "src -1 f + 2"), scope()
    assert [names.value(scanner) for _ in range(3)] == [Place("src"), Number(-1), Place("f", 2)]


@given(st.integers(1, 200), st.data())
def test_slices(size: int, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, size))
    end = data.draw(st.integers(begin, size))
    for text in (f"src[{begin}:{end}]", f"src [ {begin:#x} : {end:#x} ]"):
        assert scope(size=size).try_slice(Scanner(1, text)) == Slice("src", begin, end)
    assert scope(size=size).try_slice(Scanner(1, f"src[{begin}:]")) == Slice("src", begin, size)
    assert scope(size=size).try_slice(Scanner(1, f"src[:{end}]")) == Slice("src", 0, end)
    assert scope(size=size).try_slice(Scanner(1, "src")) == Slice("src", 0, size)


def test_what_is_no_buffer_is_no_slice() -> None:
    scanner = Scanner(1, "f[0:1]")
    assert scope().try_slice(scanner) is None
    assert scanner.at == 0


@pytest.mark.parametrize("word", KEYWORDS)
def test_a_keyword_is_no_name(word: str) -> None:
    assert scope(None).try_value(Scanner(1, word)) is None


def test_who_is_called_is_a_symbol_from_then_on() -> None:
    names = scope()
    with pytest.raises(
        DirectiveError, match="no buffer 'g' in this test, and no symbol 'g' in this file; known: src, f"
    ):
        names.value(Scanner(1, "g"))
    names.called("g")
    assert names.value(Scanner(1, "g")) == Place("g")
    assert scope(None).value(Scanner(1, "h")) == Place("h")

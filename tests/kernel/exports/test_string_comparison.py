# SPDX-License-Identifier: GPL-2.0-or-later
"""Comparisons of counted strings: order, equality, prefixes, and what of them is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Machine, Returned
from emu.kernel.character_case import upcase, upcase_ansi
from tests.kernel.exports.calls import PAGE, counted, counted_at, int_of, value_of

texts = st.text(st.sampled_from("aAbBéÉßſ"), max_size=6)
ansi_texts = st.text(st.sampled_from("aAbBéÉßÿµ"), max_size=6)


def units(text: str) -> bytes:
    return text.encode("utf-16-le")


def test_unicode(lasting: Machine) -> None:
    @settings(max_examples=60, deadline=None)
    @given(texts, texts, st.booleans())
    def check(one: str, other: str, ignore_case: bool) -> None:
        lasting.reset()
        first, second = counted(lasting, units(one)), counted(lasting, units(other))
        keys = [[upcase(ord(c)) if ignore_case else ord(c) for c in text] for text in (one, other)]
        order = int_of(lasting, "RtlCompareUnicodeString", first, second, ignore_case)
        assert (order > 0) - (order < 0) == (keys[0] > keys[1]) - (keys[0] < keys[1])
        equal = value_of(lasting, "RtlEqualUnicodeString", first, second, ignore_case)
        assert equal == (keys[0] == keys[1])
        prefix = value_of(lasting, "RtlPrefixUnicodeString", first, second, ignore_case)
        assert prefix == (keys[0] == keys[1][: len(keys[0])])

    check()


def test_ansi(lasting: Machine) -> None:
    @settings(max_examples=60, deadline=None)
    @given(ansi_texts, ansi_texts, st.booleans())
    def check(one: str, other: str, ignore_case: bool) -> None:
        lasting.reset()
        first, second = (counted(lasting, text.encode("latin-1")) for text in (one, other))
        keys = [[upcase_ansi(ord(c)) if ignore_case else ord(c) for c in text] for text in (one, other)]
        order = int_of(lasting, "RtlCompareString", first, second, ignore_case)
        assert (order > 0) - (order < 0) == (keys[0] > keys[1]) - (keys[0] < keys[1])
        assert value_of(lasting, "RtlEqualString", first, second, ignore_case) == (keys[0] == keys[1])
        prefix = value_of(lasting, "RtlPrefixString", first, second, ignore_case)
        assert prefix == (keys[0] == keys[1][: len(keys[0])])

    check()


def test_across_pages(machine: Machine) -> None:
    first, second = b"ab" * 3000, b"ab" * 2999 + b"ac"
    strings = [
        counted_at(machine, 6000, 6000, int(machine.kernel.alloc(content, offset=offset)))
        for content, offset in ((first, 1), (second, 2))
    ]
    assert int_of(machine, "RtlCompareUnicodeString", *strings, 0) == ord("b") - ord("c") << 8
    assert int_of(machine, "RtlCompareString", *strings, 0) == ord("b") - ord("c")
    machine.kernel.page_out(strings[0])
    assert value_of(machine, "RtlEqualUnicodeString", strings[0], strings[0], 0) == 1


@pytest.mark.parametrize(("function", "size"), [("RtlCompareUnicodeString", 2), ("RtlCompareString", 1)])
def test_nothing_behind_the_first_difference_is_read(machine: Machine, function: str, size: int) -> None:
    short = machine.kernel.alloc(b"b".ljust(size, b"\0"), offset=PAGE - size)
    first = counted_at(machine, 100, 100, int(short))  # all but the first character is not there
    second = counted(machine, b"a".ljust(size, b"\0") * (100 // size))
    assert machine.call(function, first, second, 0) == Returned(1)


@pytest.mark.parametrize("function", ["RtlEqualString", "RtlEqualUnicodeString", "RtlPrefixUnicodeString"])
def test_strings_that_cannot_be_equal_are_not_read(machine: Machine, function: str) -> None:
    first, second = counted_at(machine, 4, 4, 0), counted_at(machine, 2, 2, 0)
    assert machine.call(function, first, second, 0) == Returned(0)

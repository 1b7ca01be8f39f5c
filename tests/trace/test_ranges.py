# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses become bytes of buffers, and accesses become ranges that leave no byte out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.trace import ACCESS, READ, WRITE, AccessFlag, TracedBuffer
from emu.trace.ranges import BufferNames, Touched, joined
from emu.trace.source import Table

NAMES = BufferNames(
    (
        TracedBuffer("source", Gva(0x1000), 0x40, True),
        TracedBuffer("behind", Gva(0x1040), 0x10, True),
        TracedBuffer("empty", Gva(0x1050), 0, True),
        TracedBuffer("target", Gva(0xFFFF_A000_0000_0000), 0x100, False),
    )
)


def accesses(*rows: tuple[int, int, int]) -> Table:
    """Return accesses of (kind, address, size)."""
    table = np.zeros(len(rows), ACCESS)
    for number, (kind, address, size) in enumerate(rows):
        user = AccessFlag.USER if address < 1 << 47 else 0
        table[number] = (0, address, 0, 0, size, kind, user)
    return table


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0xFFF, "0xfff"),
        (0x1000, "source+0"),
        (0x103F, "source+63"),
        (0x1040, "behind+0"),
        (0x1050, "0x1050"),
        (0xFFFF_A000_0000_00FF, "target+255"),
        (0xFFFF_FFFF_FFFF_FFFF, "0xffffffffffffffff"),
    ],
)
def test_an_address_in_a_buffer_is_an_offset(address: int, name: str) -> None:
    assert NAMES.locate(address) == name


def test_an_argument_that_points_to_a_buffer_is_its_name() -> None:
    assert [NAMES.argument(value) for value in (0x1000, 0x1001, 64)] == ["source", "source+1", "0x40"]


def test_the_later_of_two_buffers_at_an_address_names_it() -> None:
    names = BufferNames((TracedBuffer("old", Gva(0x1000), 64, True), TracedBuffer("new", Gva(0x1000), 16, True)))
    assert (names.locate(0x1001), names.locate(0x1010)) == ("new+1", "0x1010")


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (0x1002, 0x103F, "source+2..63"),
        (0x1002, 0x1002, "source+2"),
        (0x103F, 0x1002, "source+63..2"),
        (0x1000, 0x1040, "65 bytes at source+0"),
        (0x2000, 0x2007, "8 bytes at 0x2000"),
        (0x2007, 0x2000, "8 bytes down to 0x2000"),
    ],
)
def test_a_range_in_words(first: int, last: int, text: str) -> None:
    assert NAMES.between(first, last) == text


def test_ranges_are_parted_where_buffers_begin_and_end() -> None:
    parts = [(buffer.name if buffer else "", low, high) for buffer, low, high in NAMES.parts(0xFF0, 0x1060)]
    assert parts == [
        ("", 0xFF0, 0xFFF),
        ("source", 0x1000, 0x103F),
        ("behind", 0x1040, 0x104F),
        ("", 0x1050, 0x1060),
    ]


def test_accesses_side_by_side_are_one_range_of_each_side() -> None:
    touched = Touched()
    touched.add(accesses((READ, 0x1004, 4), (READ, 0x1000, 4), (WRITE, 0xFFFF_A000_0000_0000, 8)))
    touched.add(accesses((READ, 0x1008, 8), (READ, 0xFFFF_A000_0000_0010, 1)))
    assert [tuple(side) for side in touched.sides(NAMES)] == [
        (READ, True, "source+0..15"),
        (READ, False, "target+16"),
        (WRITE, False, "target+0..7"),
    ]


def test_many_ranges_of_a_buffer_are_scattered_over_it() -> None:
    touched = Touched()
    touched.add(accesses(*((READ, 0x1000 + at, 1) for at in (3, 20, 33, 9)), (READ, 0x1042, 2), (READ, 0x5000, 4)))
    assert touched.sides(NAMES)[0].text == "scattered over source+3..33, behind+2..3, 4 bytes at 0x5000"


def test_the_last_bytes_of_the_address_space_are_a_range() -> None:
    touched = Touched()
    touched.add(accesses((WRITE, 0xFFFF_FFFF_FFFF_FFF8, 8)))
    assert touched.sides(NAMES)[0].text == "8 bytes at 0xfffffffffffffff8"


RANGES = st.lists(
    st.tuples(st.sampled_from([0, 1 << 40, (1 << 64) - 400]), st.integers(0, 300), st.integers(0, 40)).map(
        lambda it: (it[0] + it[1], it[0] + it[1] + it[2])
    ),
    max_size=30,
)


@given(RANGES)
def test_joined_ranges_hold_the_same_bytes_and_lie_apart(ranges: list[tuple[int, int]]) -> None:
    first, last = (np.array([each[side] for each in ranges], np.uint64) for side in (0, 1))
    low, high = (side.tolist() for side in joined(first, last))
    held = {byte for begin, end in ranges for byte in range(begin, end + 1)}
    assert held == {byte for begin, end in zip(low, high, strict=True) for byte in range(begin, end + 1)}
    assert all(begin - end > 1 for begin, end in zip(low[1:], high[:-1], strict=True))


@given(RANGES, st.integers(1, 5))
def test_no_more_ranges_are_kept_apart_than_asked_for(ranges: list[tuple[int, int]], kept: int) -> None:
    first, last = (np.array([each[side] for each in ranges], np.uint64) for side in (0, 1))
    low, high = (side.tolist() for side in joined(first, last, kept))
    assert len(low) <= kept
    for begin, end in ranges:
        assert any(one <= begin and end <= other for one, other in zip(low, high, strict=True))

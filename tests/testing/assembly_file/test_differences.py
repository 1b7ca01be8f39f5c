# SPDX-License-Identifier: GPL-2.0-or-later
"""How differing bytes are told."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from emu.testing.assembly_file.differences import describe_difference, describe_runs


@given(st.sets(st.integers(-50, 200)))
def test_runs_name_every_number_once(numbers: set[int]) -> None:
    found: list[int] = []
    for run in describe_runs(sorted(numbers)):
        first, _, last = run.partition(" to ")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(numbers)


def test_one_byte() -> None:
    assert describe_difference("dst", 32, b"hello", b"hellp", b"xxxxx") == [
        "byte 36 of dst is 70, not 6f",
        "expected  dst+32    68 65 6c 6c 6f                                   |hello|",
        "found     dst+32    68 65 6c 6c 70                                   |hellp|",
    ]


def test_a_byte_that_nobody_wrote() -> None:
    lines = describe_difference("dst", 0, bytes(40), b"\0" * 20 + b"\xcc" * 20, b"\xcc" * 40)
    assert lines[:2] == ["byte 20 of dst is cc, as before the call, not 00", "20 of 40 bytes differ: 20 to 39"]
    assert lines[2].startswith("expected  dst+16    00 00 00")


def test_many_runs_are_cut() -> None:
    lines = describe_difference("dst", 0, bytes(64), b"\0\1" * 32, bytes(64))
    assert lines[1] == "32 of 64 bytes differ: 1, 3, 5, 7, 9, 11, 13, 15, …"


@given(st.binary(min_size=1, max_size=100), st.data())
def test_the_row_shows_the_first_difference(expected: bytes, data: st.DataObject) -> None:
    found = data.draw(st.binary(min_size=len(expected), max_size=len(expected)))
    assume(found != expected)
    at = next(index for index in range(len(found)) if found[index] != expected[index])
    lines = describe_difference("b", 0, expected, found, bytes(len(found)))
    assert lines[0].startswith(f"byte {at} of b is {found[at]:02x}")
    for line, content in zip(lines[-2:], (expected, found), strict=True):
        column = len("expected  b+16    ") + at % 16 * 3
        assert line[column : column + 2] == f"{content[at]:02x}"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns of numbers as bytes, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace.file.byte_stream import ByteReader, Malformed, put_varint
from emu.trace.file.columns import (
    delta,
    plane,
    read_plane,
    read_sparse,
    read_varints,
    running_sum,
    sparse,
    stride_delta,
    stride_sum,
    unzigzag,
    varints,
    words,
    zigzag,
)

NUMBERS = st.lists(st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 2**64 - 1)), max_size=60)


@given(NUMBERS)
def test_varints_are_those_that_are_written_one_by_one(numbers: list[int]) -> None:
    one_by_one = bytearray()
    for number in numbers:
        put_varint(one_by_one, number)
    assert varints(np.array(numbers, np.uint64)) == one_by_one
    assert read_varints(bytes(one_by_one)).tolist() == numbers
    stream = ByteReader(bytes(one_by_one))
    assert [stream.varint() for _ in numbers] == numbers
    assert stream.is_done


@given(NUMBERS)
def test_what_is_undone_is_as_before(numbers: list[int]) -> None:
    values = np.array(numbers, np.uint64)
    assert unzigzag(zigzag(values)).tolist() == numbers
    assert running_sum(delta(values)).tolist() == numbers
    assert read_sparse(sparse(values), len(values)).tolist() == numbers


@given(NUMBERS)
def test_strides_in_groups_are_undone(numbers: list[int]) -> None:
    values = np.array(numbers, np.uint64)
    is_first = np.array([at == 0 or number % 3 == 0 for at, number in enumerate(numbers)], bool)
    assert stride_sum(stride_delta(values, is_first), is_first).tolist() == numbers


def test_a_stride_takes_its_begin_and_its_first_step() -> None:
    values = words([100, 108, 116, 124, 7, 6, 5, 4])
    is_first = np.array([True, False, False, False, True, False, False, False])
    assert stride_delta(values, is_first).astype(np.int64).tolist() == [100, 8, 0, 0, -117, -1, 0, 0]


def test_small_numbers_of_both_signs_are_small() -> None:
    assert zigzag(words([0, -1, 1, -2, 2])).tolist() == [0, 1, 2, 3, 4]


def test_zeros_take_no_byte() -> None:
    assert sparse(np.zeros(1000, np.uint64)) == b""
    assert sparse(words([0, 0, 0, -1, 0, 5])) == b"\x03\x01\x01\x0a"
    assert plane(np.zeros(1000, np.uint8)) == b""
    assert plane(np.array([0] * 200 + [255], np.uint8)) == b"\xc8\x01\xff\x01"


@given(st.lists(st.one_of(st.just(0), st.integers(0, 255)), max_size=60).map(bytes))
def test_a_plane_is_never_longer_than_its_bytes(content: bytes) -> None:
    encoded = plane(np.frombuffer(content, np.uint8))
    assert len(encoded) <= len(content)
    assert read_plane(encoded, len(content)).tobytes() == content


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x80", "in the middle of a number"),
        (b"\x01\x80", "in the middle of a number"),
        (b"\x80" * 10 + b"\x01", "a number of 11 bytes"),
        (b"\x01", "between a place and its value"),
        (b"\x05\x01", "behind its 5 rows"),
        (b"\x03\x01\x01\x01", "at row 5 of 5"),
        (b"\x00\x01" * 6, "behind its 5 rows"),
        (b"\xff" * 9 + b"\x01\x01", "behind its 5 rows"),
    ],
)
def test_what_is_no_column_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read_sparse(data, 5)


def test_what_is_no_plane_is_refused() -> None:
    with pytest.raises(Malformed, match="3 bytes of values stand where 2"):
        read_plane(b"abc", 2)
    with pytest.raises(Malformed, match="a value 256 stands"):
        read_plane(b"\x00\x80\x02", 4)

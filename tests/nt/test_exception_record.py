# SPDX-License-Identifier: GPL-2.0-or-later
"""EXCEPTION_RECORD64 as bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.nt.exception_record import (
    EXCEPTION_RECORD64,
    EXCEPTION_UNWIND,
    pack_exception_record,
    unpack_exception_record,
)

u32 = st.integers(0, 0xFFFF_FFFF)
u64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)


def test_access_violation_bytes() -> None:
    data = pack_exception_record(0xC0000005, 1, 0x1122, 0xFFFFF80000001234, (1, 0x7FF000))
    assert data[:0x30].hex(" ", 8) == (
        "050000c001000000 2211000000000000 3412000000f8ffff 0200000000000000 0100000000000000 00f07f0000000000"
    )
    assert data[0x30:] == bytes(0x68)


def test_fields_are_where_the_structure_says() -> None:
    record = EXCEPTION_RECORD64.from_buffer_copy(pack_exception_record(0xC0000006, 0x10, 7, 8, range(100, 115)))
    assert (record.ExceptionCode, record.ExceptionFlags) == (0xC0000006, 0x10)
    assert (record.ExceptionRecord, record.ExceptionAddress) == (7, 8)
    assert record.NumberParameters == 15
    assert list(record.ExceptionInformation) == list(range(100, 115))


@given(u32, u32, u64, u64, st.lists(u64, max_size=15))
def test_round_trip(code: int, flags: int, nested: int, address: int, parameters: list[int]) -> None:
    data = pack_exception_record(code, flags, nested, address, parameters)
    assert len(data) == 0x98
    assert unpack_exception_record(data) == (code, flags, nested, address, tuple(parameters))


def test_too_many_parameters_are_cut_and_negative_ones_wrap() -> None:
    data = pack_exception_record(0, 0, 0, 0, [-1] * 20)
    assert unpack_exception_record(data)[4] == (0xFFFF_FFFF_FFFF_FFFF,) * 15


def test_a_count_above_fifteen_reads_as_fifteen() -> None:
    data = bytearray(pack_exception_record(0, 0, 0, 0))
    struct.pack_into("<I", data, 0x18, 0xFFFF_FFFF)
    assert unpack_exception_record(bytes(data))[4] == (0,) * 15


def test_a_wrong_size_is_refused() -> None:
    with pytest.raises(struct.error):
        unpack_exception_record(bytes(0x97))


def test_unwind_flags() -> None:
    assert EXCEPTION_UNWIND == 0x66

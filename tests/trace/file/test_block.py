# SPDX-License-Identifier: GPL-2.0-or-later
"""Blocks: any rows come back, and what repeats takes no room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import ACCESS, INSTRUCTION
from emu.trace.file.block import BLOCK, COLUMNS, HEAD, MOST_ACCESSES, Place, decode_block, encode_block
from emu.trace.file.byte_stream import ByteReader, Malformed
from emu.trace.source import Table
from tests.trace.file.made_tables import any_table, long_tables
from tests.trace.made import copied

PLACES = st.builds(Place, st.integers(0, 2**40), st.integers(0, 2**40))


def _assert_comes_back(instructions: Table, accesses: Table, place: Place) -> None:
    found = decode_block(encode_block(instructions, accesses, place), place)
    assert found[0].tobytes() == instructions.tobytes()
    assert found[1].tobytes() == accesses.tobytes()


@given(long_tables(), PLACES)
def test_tables_come_back(tables: tuple[Table, Table], place: Place) -> None:
    _assert_comes_back(*tables, place)


@given(st.data(), st.integers(0, 60), st.integers(0, 60), PLACES)
def test_rows_without_sense_come_back(data: st.DataObject, instructions: int, accesses: int, place: Place) -> None:
    _assert_comes_back(data.draw(any_table(INSTRUCTION, instructions)), data.draw(any_table(ACCESS, accesses)), place)


def test_a_full_block_comes_back() -> None:
    random = np.random.default_rng(1)
    instructions = np.frombuffer(random.bytes(BLOCK * INSTRUCTION.itemsize), INSTRUCTION)
    _assert_comes_back(instructions, np.zeros(0, ACCESS), Place(5, 7))


def test_more_codes_than_sixteen_bits_hold_come_back() -> None:
    instructions = np.zeros(3, INSTRUCTION)
    instructions["code"] = 0x1_0000, 0xFFFF_FFFF, 0x1_0000
    instructions["rip"] = 1, 2, 1
    _assert_comes_back(instructions, np.zeros(0, ACCESS), Place(0, 0))


@pytest.mark.parametrize("size", [1, 2, 4, 8, 10, 16])
def test_a_copied_value_stands_in_the_block_once(size: int) -> None:
    """Four loads, then their four stores, as an unrolled loop has them."""
    random, turns = np.random.default_rng(size), 64
    content = random.bytes(turns * 4 * size)
    values = [content[at : at + size] for at in range(0, len(content), size)]
    instructions = np.zeros(turns * 8, INSTRUCTION)
    instructions["code"] = np.arange(turns * 8) % 8
    instructions["accesses"] = 1
    instructions["first_access"] = instructions["position"] = np.arange(turns * 8)
    accesses = np.zeros(turns * 8, ACCESS)
    for at in range(len(accesses)):
        turn, step = divmod(at, 8)
        value = values[turn * 4 + step % 4]
        low, high = (int.from_bytes(value[begin : begin + 8], "little") for begin in (0, 8))
        address = (0x10000 if step < 4 else 0x33000) + (turn * 4 + step % 4) * size
        accesses[at] = (at, address, low, high, size, step // 4, 0)
    encoded = encode_block(instructions, accesses, Place(0, 0))
    assert len(content) <= len(encoded) < len(content) + 200
    _assert_comes_back(instructions, accesses, Place(0, 0))


def test_a_counter_in_memory_takes_a_byte_a_turn() -> None:
    """`inc qword ptr [rsp]` reads what it wrote last, and writes one more."""
    turns = 1000
    instructions = np.zeros(turns, INSTRUCTION)
    instructions["accesses"] = 2
    instructions["first_access"] = np.arange(turns) * 2
    instructions["position"] = np.arange(turns)
    accesses = np.zeros(turns * 2, ACCESS)
    accesses["instruction"] = np.arange(turns * 2) // 2
    accesses["address"] = 0xFFFF_9000_0001_4F00
    accesses["kind"] = np.arange(turns * 2) % 2
    accesses["low"] = 0xFFFF_FFFF_FFFF_FF00 + (np.arange(turns * 2, dtype=np.uint64) + np.uint64(1)) // np.uint64(2)
    accesses["size"] = 8
    assert len(encode_block(instructions, accesses, Place(0, 0))) < turns + 150
    _assert_comes_back(instructions, accesses, Place(0, 0))


def test_the_columns_are_those_that_the_head_of_a_file_names() -> None:
    trace = copied(b"")
    stream = ByteReader(encode_block(trace.instructions, trace.accesses, Place(0, 0)))
    stream.take(HEAD.size)
    for _ in COLUMNS[: COLUMNS.index("access.low")]:
        stream.block()
    assert stream.byte() == 0  # as wide as their size says
    low = [stream.block() for _ in range(8)]  # of the return address, eight bytes
    assert len(low) == 8
    assert stream.is_done


@pytest.mark.parametrize(("instructions", "accesses"), [(BLOCK + 1, 0), (0, MOST_ACCESSES + 1), (2**32 - 1, 2**32 - 1)])
def test_absurd_counts_are_refused_before_there_is_room_made_for_them(instructions: int, accesses: int) -> None:
    with pytest.raises(Malformed, match=f"{instructions} instructions and {accesses} accesses, of at most"):
        decode_block(HEAD.pack(instructions, accesses), Place(0, 0))


@given(long_tables(40), st.data())
def test_other_bytes_are_other_tables_or_refused(tables: tuple[Table, Table], data: st.DataObject) -> None:
    """Whatever stands in a block, nothing but `Malformed` comes of it."""
    encoded = bytearray(encode_block(*tables, Place(0, 0)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(HEAD.size, len(encoded) - 1))
        encoded[at] = data.draw(st.integers(0, 255))
    try:
        instructions, accesses = decode_block(bytes(encoded), Place(0, 0))
    except Malformed:
        return
    assert (len(instructions), len(accesses)) == tuple(map(len, tables))


@given(long_tables(40), st.data())
def test_a_block_that_ends_early_is_refused(tables: tuple[Table, Table], data: st.DataObject) -> None:
    encoded = encode_block(*tables, Place(0, 0))
    with pytest.raises(Malformed):
        decode_block(encoded[: data.draw(st.integers(0, len(encoded) - 1))], Place(0, 0))
    with pytest.raises(Malformed, match="behind its last column"):
        decode_block(encoded + b"\0", Place(0, 0))

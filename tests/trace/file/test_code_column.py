# SPDX-License-Identifier: GPL-2.0-or-later
"""Which code ran, as bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace.file.byte_stream import ByteReader, Malformed, put_block
from emu.trace.file.code_column import put_code, roots, take_code
from emu.trace.file.columns import delta, sparse, varints, words, zigzag
from emu.trace.file.groups import Groups

CODE = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1)), max_size=80)


def _encoded(code: list[int]) -> bytes:
    out = bytearray()
    table = np.array(code, np.uint32)
    put_code(out, table, Groups(table))
    return bytes(out)


@given(CODE)
def test_code_comes_back(code: list[int]) -> None:
    stream = ByteReader(_encoded(code))
    assert take_code(stream, len(code)).tolist() == code
    assert stream.is_done


def test_the_turns_of_a_loop_take_no_room() -> None:
    body = [10, 11, 12, 13, 14, 15]
    assert len(_encoded(body * 10_000)) == len(_encoded(body * 2))


def test_a_loop_in_a_loop_takes_a_few_bytes_a_turn_of_the_outer_one() -> None:
    code = [at for turn in range(100) for at in (1, *(2, 3, 4) * (10 + turn % 7), 5, 6)]
    assert len(_encoded(code)) < 100 * 17


def test_roots_are_found_through_chains() -> None:
    assert roots(np.array([0, 0, 1, 2, 4, 3, 4])).tolist() == [0, 0, 0, 0, 4, 0, 4]


@pytest.mark.parametrize(
    ("distance", "new", "says"),
    [
        ([1, 0, 0], [5, 6], "before its block"),
        ([0, 0, 3], [5, 6], "before its block"),
        ([0, 0, 1], [5], "1 codes are named where 2 begin"),
        ([0, 1, 1], [2**32], "room for 32 bits"),
        ([0, 1, -1], [5], "before its block"),
    ],
)
def test_what_is_no_code_is_refused(distance: list[int], new: list[int], says: str) -> None:
    out = bytearray()
    put_block(out, sparse(delta(words(distance))))
    put_block(out, varints(zigzag(delta(words(new)))))
    with pytest.raises(Malformed, match=says):
        take_code(ByteReader(bytes(out)), 3)

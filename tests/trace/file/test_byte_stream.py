# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes taken one after another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace.file.byte_stream import ByteReader, Malformed, put_block, put_varint


@given(st.lists(st.tuples(st.integers(0, 2**200), st.binary(max_size=20))))
def test_what_was_put_is_taken(parts: list[tuple[int, bytes]]) -> None:
    out = bytearray()
    for number, block in parts:
        put_varint(out, number)
        put_block(out, block)
    stream = ByteReader(bytes(out))
    assert [(stream.varint(), stream.block()) for _ in parts] == parts
    assert stream.is_done


def test_the_end_is_told() -> None:
    with pytest.raises(Malformed, match="5 bytes are announced where 2 are left"):
        ByteReader(b"\x05ab").block()
    with pytest.raises(Malformed, match="1 bytes are announced where 0 are left"):
        ByteReader(b"\xff").varint()

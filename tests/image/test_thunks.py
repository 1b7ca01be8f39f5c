# SPDX-License-Identifier: GPL-2.0-or-later
"""Jump thunks: which import one leads to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image.thunks import JUMP_THUNK, THUNK_SIZE, thunk_slot


@given(st.integers(0, 0xFFFF_FFFF), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=4))
def test_the_slot_is_relative_to_the_end(rva: int, displacement: int, behind: bytes) -> None:
    code = JUMP_THUNK + displacement.to_bytes(4, "little", signed=True) + behind
    assert thunk_slot(code, rva) == rva + THUNK_SIZE + displacement


@pytest.mark.parametrize("code", [b"", JUMP_THUNK, JUMP_THUNK + bytes(3), b"\xff\x24" + bytes(4), b"\xe9" + bytes(5)])
def test_what_is_none(code: bytes) -> None:
    assert thunk_slot(code, 0x1000) is None

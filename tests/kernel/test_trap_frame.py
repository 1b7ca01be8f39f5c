# SPDX-License-Identifier: GPL-2.0-or-later
"""The trap frame, field by field, against KTRAP_FRAME."""

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.cpu.registers import FLAG_AC, FLAG_DF, FLAG_IF, FLAG_TF
from emu.kernel.trap_frame import FRAME_POINTER, SIZE, entry_flags, frame_below
from emu.nt.trap_frame import KTRAP_FRAME


def test_size() -> None:
    assert ctypes.sizeof(KTRAP_FRAME) == SIZE
    assert KTRAP_FRAME.Rcx.offset < FRAME_POINTER < SIZE


@given(st.integers(0x1000, (1 << 64) - 1))
def test_frame_is_aligned_as_the_processor_does(stack_pointer: int) -> None:
    frame = frame_below(stack_pointer)
    assert frame % 16 == 0
    assert 0 <= stack_pointer - (frame + SIZE) < 16


@pytest.mark.parametrize("ac", [False, True])
@pytest.mark.parametrize("rflags", [0x2, 0x202, 0xFFFF_FFFF, FLAG_DF | FLAG_TF | FLAG_AC])
def test_entry_flags(rflags: int, ac: bool) -> None:
    assert entry_flags(rflags, ac) == 2 | rflags & FLAG_IF | (FLAG_AC if ac else 0)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The trap frame, field by field, against KTRAP_FRAME."""

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.cpu.registers import FLAG_AC, FLAG_DF, FLAG_IF, FLAG_TF
from emu.cpu.trap import Trap, Vector
from emu.kernel.trap_frame import FRAME_POINTER, SIZE, entry_flags, frame_below, pack_trap_frame
from emu.nt.trap_frame import KTRAP_FRAME
from emu.seh.context import REGISTER_NAMES, Context

TRAP = Trap(Vector.PAGE_FAULT, 0x12, Gva(0xFA17), Gva(0x1000))
CONTEXT = Context([0x100 + number for number in range(16)], 0x1234, 0x10246, 0x1FA0, bytes(range(256)))


def test_size() -> None:
    assert ctypes.sizeof(KTRAP_FRAME) == SIZE
    assert KTRAP_FRAME.Rcx.offset < FRAME_POINTER < SIZE


def test_every_register_has_its_field() -> None:
    frame = KTRAP_FRAME.from_buffer_copy(pack_trap_frame(TRAP, CONTEXT))
    for number, name in enumerate(REGISTER_NAMES):
        field = getattr(frame, name.capitalize(), None)
        if name in ("r12", "r13", "r14", "r15"):
            assert field is None, "non-volatile: they stay in the processor"
        else:
            assert field == 0x100 + number, name
    assert frame.Rip == 0x1234
    assert frame.EFlags == 0x10246
    assert frame.MxCsr == 0x1FA0
    assert (frame.SegCs, frame.SegSs) == (0x10, 0x18)
    assert frame.ErrorCode == 0x12
    assert frame.FaultAddress == 0xFA17


def test_volatile_xmm_registers() -> None:
    data = pack_trap_frame(TRAP, CONTEXT)
    assert data[KTRAP_FRAME.Xmm0.offset :][:96] == bytes(range(96))


def test_fields_in_a_trap_of_kernel_mode_are_zero() -> None:
    """PreviousMode is KernelMode, there is no debug state, and no frame behind it."""
    frame = KTRAP_FRAME.from_buffer_copy(pack_trap_frame(TRAP, CONTEXT))
    assert frame.PreviousMode == 0
    assert frame.TrapFrame == 0
    assert frame.Dr7 == 0


@given(st.integers(0x1000, (1 << 64) - 1))
def test_frame_is_aligned_as_the_processor_does(stack_pointer: int) -> None:
    frame = frame_below(stack_pointer)
    assert frame % 16 == 0
    assert 0 <= stack_pointer - (frame + SIZE) < 16


@pytest.mark.parametrize("ac", [False, True])
@pytest.mark.parametrize("rflags", [0x2, 0x202, 0xFFFF_FFFF, FLAG_DF | FLAG_TF | FLAG_AC])
def test_entry_flags(rflags: int, ac: bool) -> None:
    assert entry_flags(rflags, ac) == 2 | rflags & FLAG_IF | (FLAG_AC if ac else 0)

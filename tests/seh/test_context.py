# SPDX-License-Identifier: GPL-2.0-or-later
"""Context against the CONTEXT structure that nt/ declares."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.nt.context import CONTEXT, CONTEXT_ALL
from emu.seh.context import REGISTER_NAMES, RSP, Context

u32 = st.integers(0, 0xFFFF_FFFF)
u64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
contexts = st.builds(
    Context,
    st.lists(u64, min_size=16, max_size=16),
    u64,
    u32,
    u32,
    st.binary(min_size=256, max_size=256),
)


@given(contexts, u32)
def test_pack_fills_the_declared_structure(context: Context, flags: int) -> None:
    data = context.pack(flags)
    declared = CONTEXT.from_buffer_copy(data)
    assert len(data) == 0x4D0
    assert declared.ContextFlags == flags
    for name, value in zip(REGISTER_NAMES, context.gpr, strict=True):
        assert getattr(declared, name.capitalize()) == value
    assert (declared.Rip, declared.EFlags) == (context.rip, context.eflags)
    assert declared.MxCsr == declared.FltSave.MxCsr == context.mxcsr
    assert bytes(declared.FltSave.XmmRegisters) == context.xmm


def test_pack_of_what_a_context_does_not_carry() -> None:
    declared = CONTEXT.from_buffer_copy(Context().pack())
    assert declared.ContextFlags == CONTEXT_ALL == 0x10001F
    selectors = [getattr(declared, f"Seg{name}") for name in ("Cs", "Ss", "Ds", "Es", "Fs", "Gs")]
    assert selectors == [0x10, 0x18, 0x2B, 0x2B, 0x53, 0x2B]
    assert declared.FltSave.MxCsr_Mask == 0xFFFF
    assert declared.FltSave.ControlWord == 0x27F
    assert (declared.Dr0, declared.Dr7, declared.VectorControl) == (0, 0, 0)


@given(contexts)
def test_round_trip(context: Context) -> None:
    assert Context.unpack(context.pack()) == context


def test_the_first_mxcsr_counts() -> None:
    data = bytearray(Context().pack())
    struct.pack_into("<I", data, 0x34, 0x9FC0)
    assert Context.unpack(bytes(data)).mxcsr == 0x9FC0


@pytest.mark.parametrize("size", [0, 0x4CF, 0x4D1])
def test_a_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(struct.error):
        Context.unpack(bytes(size))


def test_a_copy_is_independent() -> None:
    context = Context()
    copy = context.copy()
    assert copy == context
    copy.gpr[RSP] = 8
    copy.xmm = b"\1" * 256
    assert context.gpr[RSP] == 0
    assert context.xmm == bytes(256)
    assert copy != context


def test_description() -> None:
    context = Context(list(range(16)), 0xFFFFF80000001000, xmm=bytes(16) + b"\xff" + bytes(239))
    lines = context.describe().splitlines()
    assert lines[0] == "rip fffff80000001000  eflags 00000202  mxcsr 00001f80"
    assert lines[1].startswith("rax 0000000000000000  rcx 0000000000000001")
    assert lines[-1] == "xmm1 000000000000000000000000000000ff"
    assert repr(context) == "Context(rip=0xfffff80000001000, rsp=0x4)"

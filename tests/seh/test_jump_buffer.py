# SPDX-License-Identifier: GPL-2.0-or-later
"""A jump buffer holds what a call has to keep, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from emu.seh.context import RBP, RBX, RDI, RSI, RSP, Context
from emu.seh.jump_buffer import JUMP_BUFFER_SIZE, pack_jump_buffer, restore_jump_buffer

KEPT = (RBX, RSP, RBP, RSI, RDI, 12, 13, 14, 15)

u64 = st.integers(0, (1 << 64) - 1)
contexts = st.builds(
    Context,
    st.lists(u64, min_size=16, max_size=16),
    u64,
    st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 0xFFFF_FFFF),
    st.binary(min_size=256, max_size=256),
)


@given(contexts, contexts, u64)
def test_what_is_kept_comes_back_and_the_rest_stays(saved: Context, now: Context, frame: int) -> None:
    data = pack_jump_buffer(saved, frame)
    assert len(data) == JUMP_BUFFER_SIZE == 0x100
    assert int.from_bytes(data[:8], "little") == frame
    restored = now.copy()
    restore_jump_buffer(restored, data)
    for register in range(16):
        assert restored.gpr[register] == (saved if register in KEPT else now).gpr[register]
    assert (restored.rip, restored.mxcsr, restored.eflags) == (saved.rip, saved.mxcsr, now.eflags)
    assert restored.xmm == now.xmm[:96] + saved.xmm[96:]


@given(st.binary(min_size=JUMP_BUFFER_SIZE, max_size=JUMP_BUFFER_SIZE), contexts)
def test_any_bytes_give_registers_that_exist(data: bytes, context: Context) -> None:
    restore_jump_buffer(context, data)
    assert all(0 <= value < 1 << 64 for value in (*context.gpr, context.rip))
    assert 0 <= context.mxcsr < 1 << 32
    assert len(context.xmm) == 256
    assert Context.unpack(context.pack()) == context

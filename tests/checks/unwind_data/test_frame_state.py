# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions do to a frame, one by one and where paths meet."""

from __future__ import annotations

import pytest

from emu.address import Gva
from emu.checks.unwind_data.frame_state import (
    CHANGED,
    ENTRY,
    RETURN_ADDRESS,
    UNCERTAIN,
    FrameState,
    is_in_frame,
    is_uncertain,
    original,
    original_xmm,
)
from emu.checks.unwind_data.instructions import decode_at, decode_range
from emu.seh.context import REGISTER_NAMES, RSP


def after(code: str, state: FrameState | None = None) -> FrameState:
    data = bytes.fromhex(code)
    state = state or FrameState.at_entry()
    for instruction in decode_range(lambda at, size: data[at : at + size], 0, len(data)):
        state = state.after(instruction)
    return state


def slot(depth: int) -> Gva:
    """Return an address in the frame."""
    return Gva(ENTRY - depth)


def register(state: FrameState, name: str) -> int:
    return state.gpr[REGISTER_NAMES.index(name)]


@pytest.mark.parametrize(
    ("code", "depth"),
    [
        ("53", 8),  # push rbx
        ("4154", 8),  # push r12
        ("6a05", 8),  # push 5
        ("9c", 8),  # pushfq
        ("4883ec28", 0x28),  # sub rsp, 28h
        ("4883c480", 0x80),  # add rsp, -80h
        ("488d6424d8", 0x28),  # lea rsp, [rsp-28h]
        ("b800300000 4829c4", 0x3000),  # mov eax, 3000h; sub rsp, rax
        ("b800300000 e800000000 4829c4", None),  # with a call between that is no probe
        ("53 4883ec20 4883c420 5b", 0),
        ("55 4889e5 4883ec40 c9", 0),  # push rbp; mov rbp, rsp; sub rsp, 40h; leave
        ("4989e3 4883ec28 4c89dc", 0),  # mov r11, rsp; sub rsp, 28h; mov rsp, r11
        ("4883e4f0", 8),  # and rsp, -16: RSP is 8 off at entry
        ("4883e4c0", None),  # and rsp, -64
        ("4829c4", None),  # sub rsp, rax
        ("4889cc", None),  # mov rsp, rcx
        ("6653", None),  # push bx
    ],
)
def test_the_depth_of_the_stack(code: str, depth: int | None) -> None:
    assert after(code).depth == depth


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("", "rbx", original(3)),
        ("31db", "rbx", 0),  # xor ebx, ebx
        ("89cb", "rbx", CHANGED),  # mov ebx, ecx
        ("88cb", "rbx", CHANGED),  # mov bl, cl
        ("ffc3", "rbx", CHANGED),  # inc ebx
        ("4839d8", "rbx", original(3)),  # cmp rax, rbx
        ("84db", "rbx", original(3)),  # test bl, bl
        ("53 31db 5b", "rbx", original(3)),  # push rbx; xor; pop
        ("48895c2408 31db 488b5c2408", "rbx", original(3)),  # by the home space
        ("4989db 31db 4c89db", "rbx", original(3)),  # by r11
        ("4989db e800000000 4c89db", "rbx", CHANGED),  # which a call does not keep
        ("e800000000", "rbx", original(3)),
        ("488d6c2420", "rbp", ENTRY + 0x20),  # lea rbp, [rsp+20h]
        ("488d0500000000", "rax", CHANGED),  # lea rax, [rip]
        ("4887d9", "rbx", CHANGED),  # xchg rcx, rbx
        ("48895c2408 c644240b00 488b5c2408", "rbx", CHANGED),  # a byte of the slot is overwritten
        ("48895c2408 f30f7f442400 488b5c2408", "rbx", CHANGED),  # and by an XMM store
        ("4883ec28 48895c2418 e800000000 488b5c2418", "rbx", UNCERTAIN),  # a callee's home space
        ("4883ec48 48895c2428 e800000000 488b5c2428", "rbx", original(3)),
    ],
)
def test_registers(code: str, name: str, value: int) -> None:
    assert register(after(code), name) == value


def test_a_stack_probe_keeps_what_a_call_does_not() -> None:
    state = after("53 b800300000")
    data = bytes.fromhex("e800000000")
    call = decode_at(lambda _at, _size: data, 0)
    assert call is not None
    probed, called = state.after(call, is_probe=True), state.after(call)
    assert (register(probed, "rax"), register(called, "rax")) == (0x3000, CHANGED)
    assert (probed.read_u64(slot(8)), called.read_u64(slot(8))) == (original(3), UNCERTAIN)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("", original_xmm(6)),
        ("0f57f6", (CHANGED, CHANGED)),  # xorps xmm6, xmm6
        ("0f29742410 0f57f6 0f28742410", original_xmm(6)),  # movaps by the frame
        ("c5f8117424 10 c5c857f6 c5f8107424 10", original_xmm(6)),  # vmovups by the frame
        ("0f28fe 0f57f6 0f28f7", original_xmm(6)),  # by xmm7
        ("660f6ef0", (CHANGED, CHANGED)),  # movd xmm6, eax
    ],
)
def test_xmm_registers(code: str, value: tuple[int, int]) -> None:
    assert after(code).xmm[6] == value


def test_where_paths_meet_only_what_is_the_same_stays() -> None:
    left, right = after("53 31db"), after("53 488d5c2408")
    joined = left.joined(right)
    assert joined is not None
    assert register(joined, "rbx") == UNCERTAIN
    assert register(joined, "rsi") == original(6)
    assert joined.depth == 8
    assert joined.read_u64(slot(8)) == original(3)
    assert joined.joined(left) is None
    deeper = joined.joined(after("53 53"))
    assert deeper is not None
    assert deeper.depth is None
    assert is_uncertain(deeper.gpr[RSP])


def test_memory_is_read_as_the_unwinder_reads_it() -> None:
    state = after("53 4883ec20")
    block = state.read(slot(0x28), 0x30)
    assert len(block) == 0x30
    words = [int.from_bytes(block[at : at + 8], "little") for at in range(0, 0x30, 8)]
    assert words == [CHANGED, CHANGED, CHANGED, CHANGED, original(3), RETURN_ADDRESS]
    assert state.read_u64(Gva(UNCERTAIN + 8)) == UNCERTAIN
    assert state.read_u64(Gva(CHANGED)) == CHANGED
    assert not is_in_frame(CHANGED)
    assert not is_uncertain(CHANGED)

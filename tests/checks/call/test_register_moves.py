# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions do to nonvolatile registers, by their encodings."""

from __future__ import annotations

import pytest

from emu.checks.call.register_moves import NONVOLATILE, register_move

RBX, RBP, RSI, XMM6 = (NONVOLATILE[name] for name in ("rbx", "rbp", "rsi", "xmm6"))


@pytest.mark.parametrize(
    ("encoding", "changes", "saves", "restores"),
    [
        pytest.param("53", (), RBX, None, id="push rbx"),
        pytest.param("5b", (RBX,), None, RBX, id="pop rbx"),
        pytest.param("51", (), None, None, id="push rcx"),
        pytest.param("48895c2408", (), RBX, None, id="mov [rsp + 8], rbx"),
        pytest.param("895c2408", (), None, None, id="mov [rsp + 8], ebx: a part"),
        pytest.param("488b5c2408", (RBX,), None, RBX, id="mov rbx, [rsp + 8]"),
        pytest.param("8b5c2408", (RBX,), None, None, id="mov ebx, [rsp + 8]: not as a whole"),
        pytest.param("b301", (RBX,), None, None, id="mov bl, 1"),
        pytest.param("488bd9", (RBX,), None, None, id="mov rbx, rcx"),
        pytest.param("480303", (), None, None, id="add rax, [rbx]"),
        pytest.param("48035c2408", (RBX,), None, None, id="add rbx, [rsp + 8]"),
        pytest.param("c9", (RBP,), None, RBP, id="leave"),
        pytest.param("0f29742420", (), XMM6, None, id="movaps [rsp + 32], xmm6"),
        pytest.param("0f28742420", (XMM6,), None, XMM6, id="movaps xmm6, [rsp + 32]"),
        pytest.param("f20f10742420", (XMM6,), None, None, id="movsd xmm6, [rsp + 32]: not as a whole"),
        pytest.param("0f2944 2420".replace(" ", ""), (), None, None, id="movaps [rsp + 32], xmm0"),
        pytest.param("488db42400010000", (RSI,), None, None, id="lea rsi, [rsp + 256]"),
    ],
)
def test_moves(encoding: str, changes: tuple[int, ...], saves: int | None, restores: int | None) -> None:
    move = register_move(bytes.fromhex(encoding))
    assert (move.changes, move.saves, move.restores) == (frozenset(changes), saves, restores)
    assert not move.loads_mxcsr


def test_strings_move_their_pointers() -> None:
    assert register_move(bytes.fromhex("f3a4")).changes == {NONVOLATILE["rsi"], NONVOLATILE["rdi"]}


def test_cpuid_changes_rbx() -> None:
    assert RBX in register_move(bytes.fromhex("0fa2")).changes


def test_all_vector_registers_at_once() -> None:
    changes = register_move(bytes.fromhex("0fae0c24")).changes
    assert changes == {number for name, number in NONVOLATILE.items() if name.startswith("xmm")}


def test_mxcsr() -> None:
    assert register_move(bytes.fromhex("0fae1424")).loads_mxcsr
    assert not register_move(bytes.fromhex("0fae1c24")).loads_mxcsr  # stmxcsr

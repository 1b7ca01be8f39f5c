# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions do with registers."""

from __future__ import annotations

import pytest

from emu.trace.register_flow import NO_FAMILY, NO_FLOW, register_flow

RAX, RCX, RSI, RDI, R8, XMM0, XMM9 = 0, 1, 6, 7, 8, 16, 25


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("0fb602", RAX),  # movzx eax, byte ptr [rdx]
        ("8a06", RAX),  # mov al, [rsi]
        ("448b06", R8),  # mov r8d, [rsi]
        ("486306", RAX),  # movsxd rax, dword ptr [rsi]
        ("f30f6f06", XMM0),  # movdqu xmm0, [rsi]
        ("f3440f7e0e", XMM9),  # movq xmm9, qword ptr [rsi]
        ("f20f1006", XMM0),  # movsd xmm0, qword ptr [rsi]
    ],
)
def test_loads(code: str, family: int) -> None:
    assert register_flow(bytes.fromhex(code)) == (family, NO_FAMILY, False, (family,))


@pytest.mark.parametrize(
    ("code", "family"),
    [("8801", RAX), ("0fc307", RAX), ("660fe707", XMM0), ("660fd607", XMM0), ("44884500", R8), ("f30f7f07", XMM0)],
)
def test_stores(code: str, family: int) -> None:
    assert register_flow(bytes.fromhex(code)) == (NO_FAMILY, family, False, ())


@pytest.mark.parametrize("code", ["a4", "f3a4", "66a5", "a5", "48a5", "f348a5"])
def test_string_moves(code: str) -> None:
    flow = register_flow(bytes.fromhex(code))
    assert flow.string_move
    assert set(flow.changes) >= {RSI, RDI}


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("8a26", (RAX,)),  # mov ah, [rsi]
        ("8821", ()),  # mov [rcx], ah
        ("c70600000000", ()),  # mov dword ptr [rsi], 0
        ("0f44c1", (RAX,)),  # cmove eax, ecx
        ("0f4406", (RAX,)),  # cmove eax, [rsi]
        ("0306", (RAX,)),  # add eax, [rsi]
        ("4889c8", (RAX,)),  # mov rax, rcx
        ("0f1606", (XMM0,)),  # movhps xmm0, [rsi]
        ("a6", (RSI, RDI)),  # cmpsb
        ("0f38f006", (RAX,)),  # movbe eax, [rsi]
    ],
)
def test_neither(code: str, changes: tuple[int, ...]) -> None:
    assert register_flow(bytes.fromhex(code)) == (NO_FAMILY, NO_FAMILY, False, changes)


def test_no_instruction() -> None:
    assert register_flow(b"\x06") == NO_FLOW

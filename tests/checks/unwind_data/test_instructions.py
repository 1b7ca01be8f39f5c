# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of an instruction: where it leads, what it writes."""

from __future__ import annotations

import pytest

from emu.checks.unwind_data.instructions import Flow, Instruction, decode_at

KERNEL = 0xFFFF_F800_0000_1000


def decode(code: str, at: int = 0x1000) -> Instruction:
    found = decode_at(lambda _rva, _size: bytes.fromhex(code), at)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("code", "flow", "target"),
    [
        ("90", Flow.NEXT, None),
        ("f4", Flow.NEXT, None),
        ("cd2d", Flow.NEXT, None),
        ("e800000000", Flow.CALL, 5),
        ("ffd0", Flow.CALL, None),
        ("ff1500000000", Flow.CALL, None),
        ("eb10", Flow.JUMP, 0x12),
        ("ffe0", Flow.JUMP, None),
        ("48ff2500000000", Flow.JUMP, None),
        ("7410", Flow.BRANCH, 0x12),
        ("e2fe", Flow.BRANCH, 0),
        ("e310", Flow.BRANCH, 0x12),
        ("c3", Flow.RETURN, None),
        ("f3c3", Flow.RETURN, None),
        ("c20800", Flow.RETURN, None),
        ("48cf", Flow.RETURN, None),
        ("cc", Flow.STOP, None),
        ("0f0b", Flow.STOP, None),
        ("cd29", Flow.STOP, None),
    ],
)
@pytest.mark.parametrize("at", [0x1000, KERNEL])
def test_where_an_instruction_leads(code: str, flow: Flow, target: int | None, at: int) -> None:
    instruction = decode(code, at)
    assert instruction.flow is flow
    assert instruction.target == (None if target is None else at + target)
    assert instruction.end == at + len(code) // 2


@pytest.mark.parametrize(
    ("code", "registers"),
    [("89d8", {0}), ("88d8", {0}), ("4887d9", {1, 3}), ("f3a4", {1, 6, 7}), ("0fa2", {0, 1, 2, 3}), ("39d8", set())],
)
def test_which_registers_are_written(code: str, registers: set[int]) -> None:
    """Parts count as the whole; mov, xchg, rep movsb, cpuid, cmp."""
    assert decode(code).written & set(range(16)) == registers


@pytest.mark.parametrize(
    ("code", "registers"), [("0f57f6", {6}), ("c5cc57f6", {6}), ("c5f877", set()), ("c5fc77", set(range(16)))]
)
def test_which_xmm_registers_are_written(code: str, registers: set[int]) -> None:
    """xorps of XMM and YMM; vzeroupper leaves the XMM part, vzeroall does not."""
    assert decode(code).written_xmm == registers


def test_bytes_that_are_no_instruction() -> None:
    assert decode_at(lambda _rva, _size: b"\x06", 0) is None
    assert decode_at(lambda _rva, _size: b"", 0) is None


def test_an_iretq_returns_from_a_trap() -> None:
    assert decode("48cf").is_trap_return
    assert not decode("c3").is_trap_return

# SPDX-License-Identifier: GPL-2.0-or-later
"""Operands by RSP, and what returns pop."""

from __future__ import annotations

import pytest

from emu.checks.call.stack_operands import StackUse, bytes_returned, displacement_from_rsp, stack_use


@pytest.mark.parametrize(
    ("encoding", "displacement"),
    [
        pytest.param("48894c24f8", -8, id="mov [rsp - 8], rcx"),
        pytest.param("48890c24", 0, id="mov [rsp], rcx"),
        pytest.param("48894c2430", 0x30, id="mov [rsp + 0x30], rcx"),
        pytest.param("8f442410", 0x10, id="pop [rsp + 0x10]"),
        pytest.param("48898c2400010000", 0x100, id="mov [rsp + 0x100], rcx"),
        pytest.param("48890ccc", None, id="mov [rsp + rcx*8], rcx"),
        pytest.param("48894d08", None, id="mov [rbp + 8], rcx"),
        pytest.param("ff742410", None, id="push [rsp + 0x10]"),
        pytest.param("ff542410", None, id="call [rsp + 0x10]"),
        pytest.param("51", None, id="push rcx"),
        pytest.param("6548894c2408", None, id="mov gs:[rsp + 8], rcx"),
        pytest.param("c3", None, id="ret"),
        pytest.param("4889c8", None, id="mov rax, rcx"),
    ],
)
def test_displacement(encoding: str, displacement: int | None) -> None:
    assert displacement_from_rsp(bytes.fromhex(encoding)) == displacement


@pytest.mark.parametrize(
    ("encoding", "count"),
    [("c3", 8), ("f3c3", 8), ("f2c3", 8), ("c21000", 24), ("48cf", None), ("e800000000", None), ("ffe0", None)],
)
def test_returns(encoding: str, count: int | None) -> None:
    assert bytes_returned(bytes.fromhex(encoding)) == count


@pytest.mark.parametrize(
    ("encoding", "use"),
    [
        pytest.param("48894c24f8", StackUse.BELOW, id="mov [rsp - 8], rcx"),
        pytest.param("48894c2430", StackUse.ABOVE, id="mov [rsp + 0x30], rcx"),
        pytest.param("48890c24", 0, id="mov [rsp], rcx"),
        pytest.param("488b4c2430", 0, id="mov rcx, [rsp + 0x30]"),
        pytest.param("c3", StackUse.RETURN, id="ret"),
        pytest.param("c21000", StackUse.RETURN | StackUse.POPS_MORE, id="ret 16"),
        pytest.param("48cf", StackUse.RETURN, id="iretq"),
        pytest.param("e800000000", StackUse.CALL, id="call"),
        pytest.param("ff542410", StackUse.CALL, id="call [rsp + 0x10]"),
        pytest.param("4889c8", 0, id="mov rax, rcx"),
    ],
)
def test_uses(encoding: str, use: int) -> None:
    assert stack_use(bytes.fromhex(encoding)) == use

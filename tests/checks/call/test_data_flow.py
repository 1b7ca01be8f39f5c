# SPDX-License-Identifier: GPL-2.0-or-later
"""`data_flow` says what results are made of, and leaves out what only addresses memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.checks.call.data_flow import REGISTERS, VECTORS, DataFlow, data_flow
from emu.cpu import registers as r

RAX, RCX, RDX, RSI, RDI = (r.RAX,), (r.RCX,), (r.RDX,), (r.RSI,), (r.RDI,)

FLOWS = {
    "mov eax, [rcx]": ("8b01", DataFlow((), (), True, False, RAX)),
    "mov [rcx], eax": ("8901", DataFlow((), RAX, False, False, ())),
    "movnti [rcx], rax": ("480fc301", DataFlow((), RAX, False, False, ())),
    "movups xmm0, [rcx]": ("0f1001", DataFlow((), (), True, False, (VECTORS,))),
    "add eax, [rcx]": ("0301", DataFlow(RAX, (), True, False, RAX)),
    "add [rcx], eax": ("0101", DataFlow((), RAX, False, True, ())),
    "lea rax, [rax + rcx]": ("488d0408", DataFlow((*RAX, *RCX), (), False, False, RAX)),
    "xor eax, eax": ("31c0", DataFlow((), (), False, False, RAX)),
    "cmove eax, ecx": ("0f44c1", DataFlow((*RCX, *RAX), (), False, False, RAX)),
    "sete [rcx]": ("0f9401", DataFlow((), (), False, False, ())),
    "mul dword ptr [rcx]": ("f721", DataFlow(RAX, (), True, False, (*RAX, *RDX))),
    "push rax": ("50", DataFlow((), RAX, False, False, ())),
    "push [rcx]": ("ff31", DataFlow((), (), False, True, ())),
    "pop rax": ("58", DataFlow((), (), True, False, RAX)),
    "rep movsb": ("f3a4", DataFlow((*RDI, *RSI, *RCX), (), False, True, (*RDI, *RSI, *RCX))),
    "rep stosb": ("f3aa", DataFlow((*RDI, *RCX), RAX, False, False, (*RDI, *RCX))),
    "lodsd": ("ad", DataFlow((), (), True, False, (*RAX, *RSI))),
    "xchg [rcx], eax": ("8701", DataFlow((), RAX, True, False, RAX)),
    "xadd [rcx], eax": ("0fc101", DataFlow((), RAX, True, True, RAX)),
    "cmpxchg [rcx], edx": ("0fb111", DataFlow((), (*RDX, *RAX), True, True, RAX)),
    "call [rax]": ("ff10", DataFlow((), (), False, False, ())),
    "ret": ("c3", DataFlow((), (), False, False, ())),
}


@pytest.mark.parametrize("text", FLOWS)
def test_flows(text: str) -> None:
    encoding, flow = FLOWS[text]
    assert data_flow(bytes.fromhex(encoding)) == flow


@given(st.binary(max_size=15))
def test_any_bytes(encoding: bytes) -> None:
    flow = data_flow(encoding)
    for numbers in (flow.into_registers, flow.into_memory, flow.changes):
        assert all(0 <= number < REGISTERS for number in numbers)
        assert len(set(numbers)) == len(numbers)

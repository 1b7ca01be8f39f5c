# SPDX-License-Identifier: GPL-2.0-or-later
"""AC, DF and the IRQL before each instruction: what the registers say at each of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.checks import CheckedCall
from emu.checks.call import timeline
from emu.checks.call.columns import CodeTable, Instructions
from emu.checks.call.timeline import Timeline
from emu.cpu import registers as r
from emu.trace.layout import INSTRUCTION
from tests.checks.captured import Captured

SOURCE = """
    .intel_syntax noprefix
    .text
    .globl flags
flags:
    push    rbx
    .seh_proc flags
    .seh_pushreg rbx
    sub     rsp, 32
    .seh_stackalloc 32
    .seh_endprologue
    pushfq
    pop     rbx
    std
    nop
    cld
    stac
    nop
    clac
    mov     rax, rbx
    or      rax, 0x40400
    push    rax
    popfq
    nop
    push    rbx
    popfq
    mov     ecx, 2
    call    KfRaiseIrql
    nop
    mov     ecx, 5
    mov     cr8, rcx
    nop
    xor     ecx, ecx
    mov     cr8, rcx
    stac
    mov     eax, [0x10]
    add     rsp, 32
    pop     rbx
    ret
    .seh_endproc
"""


def compare(call: CheckedCall, irqls: list[int]) -> None:
    """Assert that it is at each instruction as registers and state say."""
    flags = call.trace.registers(call.begin, call.end)[:, r.RFLAGS].tolist()
    assert call.ac.tolist() == [bool(value & r.FLAG_AC) for value in flags]
    assert call.df.tolist() == [bool(value & r.FLAG_DF) for value in flags]
    assert call.irql.tolist() == [call.state_at(index).registers["irql"] for index in range(len(flags))]
    assert [irql for irql, before in zip(call.irql, [None, *call.irql], strict=False) if irql != before] == irqls


@pytest.mark.parametrize("profile", ["skylake-server", "skylake-server,smap=permit"])
def test_they_are_what_the_registers_say(profile: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    captured = Captured(profile)
    captured.load(tmp_path_factory.mktemp("guest"), SOURCE)
    call = captured.call("flags")
    assert call.ac.any()
    assert call.df.any()
    compare(call, [0, 2, 5, 0])
    assert call.irql_at_end == 0


def test_a_call_that_changes_nothing() -> None:
    captured = Captured()
    machine = captured.machine
    call = captured.call("CopyFromUser", machine.kernel.alloc(64), machine.user.alloc(64), 64, irql=1)
    compare(call, [1])
    assert call.irql_at_end == 1


def test_across_a_fault() -> None:
    captured = Captured("skylake-server")
    machine = captured.machine
    source = machine.user.alloc(4096 + 64)
    machine.user.page_out(source.address + 4096)
    call = captured.call("CopyFromUser", machine.kernel.alloc(4096 + 64), source, 4096 + 64)
    assert len(call.events) >= 2
    compare(call, [0])


@given(st.data())
def test_values_between_changes(data: st.DataObject) -> None:
    """Changes that are gone through one by one and all at once give the same: the last one before an instruction."""
    count = data.draw(st.integers(0, 30))
    ends = sorted(data.draw(st.lists(st.integers(0, count), max_size=6)))
    ends = [*ends, count]
    begun = data.draw(st.lists(st.integers(0, 15), min_size=len(ends), max_size=len(ends)))
    at = sorted(data.draw(st.sets(st.integers(0, max(count - 1, 0)), max_size=6 if count else 0)))
    values = data.draw(st.lists(st.integers(0, 15), min_size=len(at), max_size=len(at)))
    begins = [0, *ends[:-1]]
    expected = []
    for index in range(count):
        changes = [(begin, 1, number, value) for number, (begin, value) in enumerate(zip(begins, begun, strict=True))]
        changes += [(place + 1, 0, 0, value) for place, value in zip(at, values, strict=True)]
        expected.append(max(change for change in changes if change[0] <= index)[-1])
    for few in (0, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timeline, "_FEW", few)
            instructions = Instructions(np.zeros(count, INSTRUCTION), CodeTable([(Gva(0), b"\x90")]))
            line = Timeline([], ends, instructions, None)  # type: ignore[arg-type]
            found = line._filled(begun, np.array(at, np.int64), np.array(values, np.int64))
            assert found.tolist() == expected

# SPDX-License-Identifier: GPL-2.0-or-later
"""AC, DF and the IRQL before each instruction: what the registers say at each of them."""

from __future__ import annotations

import pytest

from emu.checks import CheckedCall
from emu.cpu import registers as r
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

# SPDX-License-Identifier: GPL-2.0-or-later
"""How places read: calls by the names of what they lead to, whichever way they do."""

from __future__ import annotations

import pytest

from emu.address import Gva
from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>

__attribute__((noinline)) ULONG Callee(ULONG value) { return value + 1; }

ULONG Calls(UCHAR *kernel, ULONG value)
{
    RtlCopyMemory(kernel, kernel + 32, 24 + (value & 1));
    ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 8, 'tseT'), 'tseT');
    if (Callee(value) == 0)
        return Callee(value) + 2;
    return ((ULONG (*)(ULONG))(ULONG_PTR)Callee)(value) + 3;
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("guest"), SOURCE, ".c", optimize="0")
    return made


def test_calls(captured: Captured) -> None:
    call = captured.call("Calls", captured.machine.kernel.alloc(64), 1)
    sites = [
        call.place(Gva(int(call.instructions.rip[each.call_site])))
        for each in call.tree.activations
        if each.call_site is not None and not call.in_kernel[each.call_site]
    ]
    assert [site.instruction for site in sites if site.function == "guest!Calls"] == [
        "call ntoskrnl!memcpy",
        "call ntoskrnl!ExAllocatePoolWithTag",
        "call ntoskrnl!ExFreePoolWithTag",
        "call guest!Callee",
        "call guest!Callee",
    ]
    assert {site.file for site in sites} == {"guest.c"}
    assert [site.line for site in sites if site.function == "guest!Calls"] == [8, 9, 9, 10, 12]


def test_code_outside_of_images(captured: Captured) -> None:
    machine = captured.machine
    code = machine.kernel.alloc(bytes.fromhex("e805000000c3"), name="code")
    call = captured.call("Calls", machine.kernel.alloc(64), 1)
    place = call.place(code.address)
    assert place.symbol == "code+0"
    assert place.file == ""

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check can ask of a call."""

from __future__ import annotations

import numpy as np
import pytest

from emu import Bugchecked, Raised, Returned
from emu.events import ExportCalled, PoolAllocated
from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>
#include <usermode_accessors.h>

__attribute__((noinline)) ULONG Peek(volatile const ULONG *user) { return *user; }

ULONG Driver(ULONG *user, ULONG size)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, size, 'tseT');
    ULONG value = 0;
    if (!block)
        return 0;
    CopyFromUser(block, user, size);
    for (ULONG i = 0; i < size; i++)
        value += block[i];
    ExFreePoolWithTag(block, 'tseT');
    return value + Peek(user);
}

ULONG Faults(ULONG *user)
{
    ULONG value = 1;
    __try { value = Peek(user); }
    __except (EXCEPTION_EXECUTE_HANDLER) { value = 2; }
    return value;
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("guest"), SOURCE, ".c")
    made.machine.checkpoint()
    return made


def test_exports_pool_and_events(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    user = machine.user.alloc(bytes(range(40)), name="user")
    call = captured.call("Driver", user, 40)
    assert isinstance(call.outcome, Returned)
    allocate, free = [each for each in call.export_calls if each.name.startswith("Ex")]
    assert (allocate.name, allocate.arguments[:3]) == (
        "ExAllocatePoolWithTag",
        (1, 40, int.from_bytes(b"Test", "little")),
    )
    (life,) = call.pool_lives
    assert allocate.result == life.block.address
    assert (free.name, free.arguments[0]) == ("ExFreePoolWithTag", life.block.address)
    assert (life.block.size, life.block.paged) == (40, True)
    assert life.end is not None
    assert life.begin < life.end
    assert isinstance(call.events[allocate.event], ExportCalled)
    assert life.allocated is not None
    assert isinstance(call.events[life.allocated], PoolAllocated)
    touched = np.flatnonzero(call.accesses.touching(life.block.address, 40))
    at = call.accesses.instruction[touched]
    assert life.begin <= at.min()
    assert at.max() < life.end


def test_declared_and_request(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    user = machine.user.alloc(40, name="user")
    call = captured.call("Driver", user, 40, irql=1)
    (declared,) = call.declared
    assert (declared.name, declared.address, declared.size, declared.is_user) == ("user", int(user), 40, True)
    assert call.request.arguments == (int(user), 40)
    assert call.request.irql == 1
    assert call.previous_mode == 1


def test_registers(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    call = captured.call("Driver", machine.user.alloc(40), 40)
    whole = call.trace.registers(call.begin, call.end)
    some = np.arange(1, len(call.instructions), 7)
    assert (call.registers_before(some) == whole[some]).all()


def test_a_finding_at_an_instruction(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    call = captured.call("Driver", machine.user.alloc(40, name="user"), 40)
    at = int(np.flatnonzero(call.instructions.rip == machine.resolve("Peek"))[0])
    finding = call.finding("irql", "is wrong", at, ["because"])
    assert str(finding).splitlines()[:3] == [
        "irql: is wrong",
        "  at guest!Peek `mov eax, dword ptr [rcx]` (guest.c:5)",
        "  because",
    ]
    assert finding.evidence[1].startswith("called from guest!Driver+0x")
    assert len(finding.evidence) == 2


def test_a_finding_in_the_kernel_is_its_callers(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    call = captured.call("Driver", machine.user.alloc(40), 40)
    at = next(each.instruction - 1 for each in call.export_calls if each.name.startswith("Ex"))
    assert call.in_kernel[at]
    finding = call.finding("pool", "is wrong", at)
    assert finding.where.function == "guest!Driver"
    assert finding.where.instruction == "call ntoskrnl!ExAllocatePoolWithTag"
    assert finding.evidence[0].startswith("in ntoskrnl!ExAllocatePoolWithTag")


def test_a_finding_at_the_hosts_own_call(captured: Captured) -> None:
    machine = captured.machine
    call = captured.call("CopyFromUser", machine.kernel.alloc(4), machine.user.alloc(4), 4)
    assert call.callee is not None
    finding = call.finding_at_call("overlap", "is wrong", call.callee)
    assert finding.where.symbol == "guest!CopyFromUser"
    assert finding.evidence == ()


def test_a_page_fault_is_an_access(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    user = machine.user.alloc(8, name="user")
    machine.user.protect(user, "none")
    call = captured.call("Faults", user)
    (index,) = np.flatnonzero(call.accesses.is_user).tolist()
    assert call.accesses.address[index] == int(user)
    assert not call.accesses.performed[index]
    assert call.accesses.is_read[index]
    assert call.accesses.rip[index] == machine.resolve("Peek")


def test_calls_that_end_badly(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    assert isinstance(captured.call("Peek", 0x1000).outcome, Raised)
    assert isinstance(captured.call("Peek", 0x1000, guarded=False).outcome, Bugchecked)
    machine.reset()


def test_modules(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    call = captured.call("Driver", machine.user.alloc(40), 40)
    names = [call.modules[number].name for number in call.module_numbers.tolist()]
    assert {*names} == {"ntoskrnl", "guest"}
    assert [name == "ntoskrnl" for name in names] == call.in_kernel.tolist()

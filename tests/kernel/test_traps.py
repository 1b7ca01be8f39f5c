# SPDX-License-Identifier: GPL-2.0-or-later
"""What a trap becomes: a page-in, a dispatch, a bugcheck, or the word that it is not modelled."""

import pytest

from emu import Bugchecked, Machine, Raised, Returned, Unmodelled
from emu.address import Gva
from emu.events import ExceptionRaised, PagedIn, TrapTaken
from emu.kernel.trap_frame import frame_below
from emu.nt.bugcheck import BugCheck
from emu.seh.frames import records_below


def code(machine: Machine, text: str) -> Gva:
    buffer = machine.kernel.alloc(bytes.fromhex(text))
    machine.kernel.protect(buffer, "rx")
    return buffer.address


def test_page_in_is_an_event_and_the_instruction_is_retried(machine: Machine) -> None:
    source, target = machine.user.alloc(bytes(range(200)), offset=0xF80), machine.kernel.alloc(200)
    machine.user.page_out(source)
    assert isinstance(machine.call("CopyFromUser", target, source, 200), Returned)
    assert target.read() == bytes(range(200))
    trap, paged_in, second_trap, second_paged_in = machine.events
    assert isinstance(trap, TrapTaken)
    assert (trap.page, trap.address) == ("paged-out", source.address)
    assert paged_in == PagedIn(trap.address, trap.rip)
    assert isinstance(second_trap, TrapTaken)
    assert isinstance(second_paged_in, PagedIn)
    assert second_paged_in.address >> 12 == (source.address >> 12) + 1


@pytest.mark.parametrize("vector", [0x20, 0x2E, 0x80, 0xFF])
def test_interrupts_without_a_handler(machine: Machine, vector: int) -> None:
    address = code(machine, f"cd{vector:02x}")
    outcome = machine.call(address)
    assert isinstance(outcome, Unmodelled)
    assert f"{vector:#x}" in outcome.reason


def test_a_trap_is_followed_by_its_exception(machine: Machine) -> None:
    address = code(machine, "31c0 f7f0")  # xor eax, eax; div eax
    outcome = machine.call(address)
    assert isinstance(outcome, Raised)
    trap, raised, *_ = machine.events
    assert trap == TrapTaken(0, 0, Gva(0), Gva(address + 2), "")
    assert raised == ExceptionRaised(outcome.record.code, Gva(address + 2), (), software=False)


@pytest.mark.parametrize("missing", [0, 8])
def test_a_dispatch_needs_room_for_its_frames(machine: Machine, missing: int) -> None:
    """mov rsp, LOW + room; ud2: with eight bytes less than its frames take, the exception is a double fault."""
    low = machine._system.stack.low
    stack_pointer = low
    while records_below(frame_below(stack_pointer)) < low:
        stack_pointer += 8
    value = (stack_pointer - missing).to_bytes(8, "little").hex()
    outcome = machine.call(code(machine, f"48bc {value} 0f0b"))
    assert isinstance(outcome, Bugchecked)
    expected = BugCheck.UNEXPECTED_KERNEL_MODE_TRAP if missing else BugCheck.KMODE_EXCEPTION_NOT_HANDLED
    assert outcome.code == expected
    assert any(isinstance(event, ExceptionRaised) for event in machine.events) == (missing == 0)


def test_bugcheck_is_where_the_guest_stood(machine: Machine) -> None:
    address = code(machine, "b912000000 8a0425 00000080")  # mov ecx, 12h; mov al, [-80000000h]
    outcome = machine.call(address)
    assert isinstance(outcome, Bugchecked)
    assert outcome.parameters[0] == 0xFFFF_FFFF_8000_0000
    assert machine.registers["rcx"] == 0x12
    assert machine.registers["rip"] == address + 5

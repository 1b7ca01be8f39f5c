# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwinding as guest code asks for it."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.events import FramesConsolidated, FrameSearched, FrameUnwound
from emu.nt.bugcheck import BugCheck
from emu.testing.guest import Guest
from tests.kernel.exports.calls import value_of

OPTIMIZE = ["0", "1", "2"]
HANDLER, FINALLY, UNWOUND = 1, 2, 3
UNWINDING_AND_TARGET = 0x22


@pytest.mark.parametrize("optimize", OPTIMIZE)
class TestWalk:
    @pytest.fixture
    def program(self, machine: Machine, guest: Guest, optimize: str) -> Machine:
        machine.load(guest.build("sources/walk.c", optimize=optimize))
        return machine

    def test_true_return_addresses(self, program: Machine) -> None:
        assert program.call("walked", 3) == Returned(0)

    def test_where_no_image_is(self, program: Machine) -> None:
        assert program.call("no_image") == Returned(0)

    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_restored_context(self, program: Machine, count: int) -> None:
        assert program.call("restored", count) == Returned(count)


class TestOwnHandler:
    @pytest.fixture
    def program(self, machine: Machine, guest: Guest) -> Machine:
        machine.load(guest.build("sources/own_handler.c", "sources/own_handler.S"))
        return machine

    @pytest.mark.parametrize(("which", "code"), [(0, NtStatus.ACCESS_VIOLATION), (1, NtStatus.UNWIND)])
    def test_it_lands(self, program: Machine, which: int, code: int) -> None:
        program.call("set_which", which)
        assert program.call("own_frame", 0x10) == Returned(0x5151)
        expected = HANDLER | FINALLY << 8 | UNWOUND << 16 | UNWINDING_AND_TARGET << 24 | code << 32
        assert value_of(program, "summary") == expected

    def test_exit_unwind(self, program: Machine) -> None:
        """Every frame is unwound, then nobody is left for the exception."""
        program.call("set_which", 2)
        outcome = program.call("own_frame", 0x10)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == BugCheck.KMODE_EXCEPTION_NOT_HANDLED
        assert outcome.parameters[0] == NtStatus.ACCESS_VIOLATION
        assert outcome.parameters[2:] == (1, 0x10)
        unwound = [event for event in program.events if isinstance(event, FrameUnwound)]
        assert unwound[-1].pc == program.resolve("KiGuardedCallReturned"), "to the end of the stack"

    def test_consolidated_unwind(self, program: Machine) -> None:
        """The callback says where to go on; the target ip counts for nothing."""
        program.call("set_which", 3)
        assert program.call("own_frame", 0x10) == Returned(0x5151)
        flags_and_code = UNWINDING_AND_TARGET << 24 | NtStatus.UNWIND_CONSOLIDATE << 32
        assert value_of(program, "summary") == HANDLER | FINALLY << 8 | UNWOUND << 16 | flags_and_code
        assert value_of(program, "callback_order") == UNWOUND + 1

    def test_an_exception_in_the_callback(self, program: Machine) -> None:
        """What has been unwound is passed over: the search goes from the callback's frame to the target's."""
        program.call("set_which", 4)
        outcome = program.call("own_frame", 0x10)
        assert isinstance(outcome, Raised)
        assert outcome.record.code == 0xE000_0001
        events = program.events
        begin = next(index for index, event in enumerate(events) if isinstance(event, FramesConsolidated))
        searched = [event.pc for event in events[begin:] if isinstance(event, FrameSearched)]
        explanation = outcome.dispatch.explainer
        assert explanation is not None
        assert [explanation.locate(pc).partition("+")[0].partition("!")[2] for pc in searched] == [
            *("callback", "KiConsolidateFrames"),
            *("own_frame", "KiGuardedCall"),
        ]


def test_a_frame_that_is_below(machine: Machine) -> None:
    """The stack is walked past it: a bad stack, raised in the unwind's own frame."""
    outcome = machine.call("RtlUnwindEx", 0x1000, 0, 0, 0)
    assert isinstance(outcome, Raised)
    assert outcome.record.code == NtStatus.BAD_STACK


def test_unwind_data_that_is_none(machine: Machine) -> None:
    """An entry of the guest's own, in a base of its own, with unwind info of version 7."""
    data = machine.kernel.alloc(bytes.fromhex("00000000 00010000 10000000 00000000 07000000"))
    context, room = machine.kernel.alloc(0x4D0), machine.kernel.alloc(16)
    base = data.address
    outcome = machine.call("RtlVirtualUnwind", 0, base, base + 4, base, context, room, room.address + 8, 0)
    assert isinstance(outcome, Raised)
    assert outcome.record.code == NtStatus.BAD_FUNCTION_TABLE


def test_an_entry_that_the_guest_made(machine: Machine) -> None:
    """sub rsp, 28h; behind its prologue: unwound by an entry outside of every image."""
    info = "01040100 04420000"
    data = machine.kernel.alloc(bytes.fromhex("20000000 40000000 10000000 00000000" + info) + bytes(8) + b"\x90" * 0x40)
    stack = machine.kernel.alloc(bytes(0x28) + (0x1234_5678).to_bytes(8, "little"))
    content = bytearray(0x4D0)
    content[0x98:0xA0] = stack.address.to_bytes(8, "little")
    context, room = machine.kernel.alloc(bytes(content)), machine.kernel.alloc(16)
    base = data.address
    assert value_of(machine, "RtlVirtualUnwind", 0, base, base + 0x28, base, context, room, room.address + 8, 0) == 0
    after = context.read()
    assert int.from_bytes(after[0xF8:0x100], "little") == 0x1234_5678
    assert int.from_bytes(after[0x98:0xA0], "little") == stack.address + 0x30
    assert int.from_bytes(room.read()[8:], "little") == stack.address


def test_context_pointers(machine: Machine) -> None:
    """push rbx; sub rsp, 30h; movaps [rsp + 20h], xmm6: the pointers name the two slots, and nothing else."""
    info = "01 0A 04 00 0A 68 02 00 05 52 01 30"
    data = machine.kernel.alloc(bytes.fromhex("20000000 40000000 10000000 00000000" + info) + b"\x90" * 0x80)
    stack = machine.kernel.alloc(bytes(range(0x20)) * 4)
    content = bytearray(0x4D0)
    content[0x98:0xA0] = stack.address.to_bytes(8, "little")
    context, room = machine.kernel.alloc(bytes(content)), machine.kernel.alloc(16)
    pointers = machine.kernel.alloc(0x100)
    base = data.address
    arguments = (0, base, base + 0x30, base, context, room, room.address + 8, pointers)
    assert value_of(machine, "RtlVirtualUnwind", *arguments) == 0
    words = [int.from_bytes(pointers.read()[at : at + 8], "little") for at in range(0, 0x100, 8)]
    assert {number: word for number, word in enumerate(words) if word} == {
        6: stack.address + 0x20,
        16 + 3: stack.address + 0x30,
    }
    after = context.read()
    assert after[0x1A0 + 6 * 16 :][:16] == stack.read()[0x20:0x30]
    assert after[0x90:0x98] == stack.read()[0x30:0x38]

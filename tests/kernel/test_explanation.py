# SPDX-License-Identifier: GPL-2.0-or-later
"""What a failure says: every line of it, for the ways that a copy can go."""

import re

import pytest

from emu import Machine
from emu.address import Gva
from emu.events import (
    BugcheckRaised,
    DispatchFailed,
    Event,
    ExceptionRaised,
    ExecutionContinued,
    ExportCalled,
    FilterAnswered,
    FinallyRun,
    FrameSearched,
    FrameUnwound,
    Landed,
    PagedIn,
    StackGrown,
    TrapTaken,
)
from emu.kernel.explanation import Explanation
from emu.testing.guest import Guest


@pytest.fixture
def explain(machine: Machine) -> Explanation:
    return Explanation(machine._system)


def masked(text: str) -> list[str]:
    """Lines with every long number as `#`, offsets into code as `+?` and source lines as `:?`."""
    text = re.sub(r"0x[0-9a-fA-F]{8,}", "#", text)
    text = re.sub(r"\.(S|inc):\d+\)", r".\1:?)", text)
    return [re.sub(r"\+0x[0-9a-f]+", "+?", line) for line in text.splitlines()]


def test_a_copy_that_fails(machine: Machine) -> None:
    source = machine.user.alloc(bytes(64), offset=0xFE0, name="src")
    target = machine.kernel.alloc(64, name="dst")
    machine.user.protect(source.address + 0x20, "none")
    assert masked(str(machine.call("CopyFromUser", target, source, 64))) == [
        "raised STATUS_ACCESS_VIOLATION (#), read of #, at #",
        "  at umaccess!CopyFromUser+? `movdqu xmm2, xmmword ptr [rsi + 0x20]` (copy.inc:?)",
        "  touching byte 32 of src (64 bytes)",
        "  #PF error code 0x0 (read, supervisor mode, page not present), CR2 #, byte 32 of src (64 bytes), page none, "
        "at umaccess!CopyFromUser+? `movdqu xmm2, xmmword ptr [rsi + 0x20]` (copy.inc:?)",
        "  exception STATUS_ACCESS_VIOLATION (#), read of #, raised by the trap",
        "  search  umaccess!CopyFromUser+?, frame #, no handler",
        "  search  ntoskrnl!KiGuardedCall+?, frame #, handler __C_specific_handler, "
        "in __try/__except (guarded_call.S:?)",
        "          filter: the constant EXCEPTION_EXECUTE_HANDLER (1)",
        "  unwind  umaccess!CopyFromUser+?, frame #, no handler",
        "  unwind  ntoskrnl!KiGuardedCall+?, frame #, handler __C_specific_handler",
        "  landed  in __except at ntoskrnl!KiGuardedCall+? (guarded_call.S:?), frame #",
    ]


def test_a_bugcheck(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("guest/sections.S"))
    lines = masked(str(machine.call("load", 0xFFFF_8000_0000_0000)))
    assert lines[0] == "bugchecked: PAGE_FAULT_IN_NONPAGED_AREA (#)"
    assert lines[1] == "  P1 #  address referenced"
    assert lines[5:] == [
        "  #PF error code 0x0 (read, supervisor mode, page not present), CR2 #, page unmapped, "
        "at sections!load `movzx eax, byte ptr [rcx]` (sections.S:?)",
        "  bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA (#, 0x0, #, 0x2)",
    ]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (PagedIn(Gva(0x1234_5678), Gva(0)), "paged in 0x12345000; the instruction is retried"),
        (StackGrown(Gva(0x2FF8), Gva(0x1000)), "the user stack grew; its guard page is now 0x1000"),
        (
            ExceptionRaised(0xC000_0005, Gva(5), (8, 0x10), True),
            "exception STATUS_ACCESS_VIOLATION (0xC0000005), execute of 0x10, raised by software",
        ),
        (ExceptionRaised(0xE000_0001, Gva(5), (), False), "exception 0xE0000001, raised by the trap"),
        (FrameSearched(Gva(0x10), Gva(0x20), None), "search  0x10, frame 0x20, no handler"),
        (FrameUnwound(Gva(0x10), Gva(0x20), Gva(0x30)), "unwind  0x10, frame 0x20, handler 0x30"),
        (FilterAnswered(Gva(0), None, 1), "        filter: the constant EXCEPTION_EXECUTE_HANDLER (1)"),
        (FilterAnswered(Gva(0), Gva(7), 0), "        filter 0x7 answered EXCEPTION_CONTINUE_SEARCH (0)"),
        (FilterAnswered(Gva(0), Gva(7), -9), "        filter 0x7 answered EXCEPTION_CONTINUE_EXECUTION (-9)"),
        (FilterAnswered(Gva(0), Gva(7), 9), "        filter 0x7 answered EXCEPTION_EXECUTE_HANDLER (9)"),
        (FinallyRun(Gva(0), Gva(0x40)), "        __finally 0x40"),
        (Landed(Gva(0x10), Gva(0x20)), "landed  at 0x10, frame 0x20"),
        (ExecutionContinued(Gva(0x10)), "continued after the exception at 0x10"),
        (DispatchFailed(Gva(0x10), "no stack"), "stopped at 0x10: no stack"),
        (ExportCalled("ZwTest", Gva(0x10)), "call    ZwTest from 0x10"),
        (BugcheckRaised(0x7F, (8, 0, 1, 2)), "bugcheck 0x7f UNEXPECTED_KERNEL_MODE_TRAP (0x8, 0x0, 0x1, 0x2)"),
        (BugcheckRaised(0x1234, (1, 2, 3, 4)), "bugcheck 0x1234 (0x1, 0x2, 0x3, 0x4)"),
        (TrapTaken(3, 0, Gva(0), Gva(0x10), ""), "#BP at 0x10"),
        (TrapTaken(0x80, 0, Gva(0), Gva(0x10), ""), "interrupt 0x80 at 0x10"),
    ],
)
def test_one_line_an_event(explain: Explanation, event: Event, text: str) -> None:
    assert explain.explain_event(event) == text


class TestLocate:
    def test_code(self, machine: Machine, explain: Explanation) -> None:
        address = machine.resolve("CopyFromUser")
        assert explain.locate(address) == "umaccess!CopyFromUser"
        assert explain.locate(Gva(address + 5)) == "umaccess!CopyFromUser+0x5"

    def test_exports_by_their_name(self, machine: Machine, explain: Explanation) -> None:
        stub = machine._system.stubs.find("RtlRaiseException")
        assert stub is not None
        assert explain.locate(Gva(stub + 5)) == "ntoskrnl!RtlRaiseException"

    def test_data(self, machine: Machine) -> None:
        named = machine.user.alloc(16, name="src", offset=8)
        plain = machine.kernel.alloc(16)
        explain = Explanation(machine._system)
        assert explain.locate(named.address) == "src+0"
        assert explain.locate(Gva(named.address + 3)) == "src+3"
        assert explain.locate(Gva(plain.address + 3)) == f"buffer {plain.address:#x}+3"
        assert explain.locate(Gva(0x77)) == "0x77"

    @pytest.mark.parametrize("address", [0, 0x8000_0000_0000, (1 << 64) - 1, 1 << 64])
    def test_what_is_nowhere(self, explain: Explanation, address: int) -> None:
        assert explain.locate(Gva(address)) == f"{address:#x}"
        assert explain.explain_code(Gva(address)) == f"{address:#x}"
        assert explain.explain_data(Gva(address)) == ""

    def test_behind_a_buffer(self, machine: Machine) -> None:
        buffer = machine.user.alloc(16, name="src")
        explain = Explanation(machine._system)
        assert explain.explain_data(Gva(buffer.address + 15)) == "byte 15 of src (16 bytes)"
        assert explain.explain_data(Gva(buffer.address + 16)) == "1 past the end of src (16 bytes)"


def test_an_outcome_still_reads_after_a_reset(machine: Machine, guest: Guest) -> None:
    """It keeps the modules and buffers of its own moment."""
    machine.load(guest.build("guest/sections.S"))
    buffer = machine.user.alloc(16, name="gone")
    machine.user.unmap(buffer)
    outcome = machine.call("load", buffer)
    machine.reset()
    assert "byte 0 of gone" in str(outcome)
    assert "sections!load" in str(outcome)


def test_an_outcome_says_the_same_after_a_reset(machine: Machine, guest: Guest) -> None:
    """Its modules are those of its moment, also when another image has taken their place."""
    machine.load(guest.build("sources/refusals.c"))
    outcome = machine.call("nested", 0x10)
    before = str(outcome.dispatch)
    assert "__try/__finally" in before
    assert "in __except at" in before
    machine.reset()
    assert str(outcome.dispatch) == before
    machine.load(guest.build("guest/one.S"))
    assert str(outcome.dispatch) == before

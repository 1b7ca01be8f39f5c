# SPDX-License-Identifier: GPL-2.0-or-later
"""Breakpoints and assertions."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.nt.bugcheck import BugCheck
from emu.testing.guest import Guest
from tests.kernel.exports.calls import ansi


@pytest.mark.parametrize("function", ["DbgBreakPoint", "DbgBreakPointWithStatus"])
def test_a_breakpoint_is_an_exception(machine: Machine, function: str) -> None:
    outcome = machine.call(function, 5)
    assert type(outcome) is Raised
    record = outcome.record
    assert (record.code, record.exception_address) == (NtStatus.BREAKPOINT, machine.resolve(function))
    assert record.information == (0,)


def test_a_breakpoint_that_nobody_handles(machine: Machine) -> None:
    outcome = machine.call("DbgBreakPoint", guarded=False)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[0]) == (BugCheck.KMODE_EXCEPTION_NOT_HANDLED, NtStatus.BREAKPOINT)


@pytest.mark.parametrize(("message", "printed"), [("Really: ", "Really: count > 0"), (None, "count > 0")])
def test_an_assertion_prints_and_breaks(machine: Machine, message: str | None, printed: str) -> None:
    texts = [machine.kernel.alloc(ansi(text)) for text in ("count > 0", "driver.c")]
    outcome = machine.call("RtlAssert", *texts, 42, machine.kernel.alloc(ansi(message)) if message else 0)
    assert type(outcome) is Raised
    assert outcome.record.code == NtStatus.BREAKPOINT
    assert outcome.record.exception_address == machine.resolve("DbgBreakPoint")
    expected = f"*** Assertion failed: {printed}\n***   Source File: driver.c, line 42\n"
    assert list(machine.debug_output) == [expected]


def test_a_filter_can_step_over_a_breakpoint(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("sources/breakpoints.c"))
    texts = [machine.kernel.alloc(ansi(text)) for text in ("x", "y.c")]
    assert machine.call("step_over", *texts) == Returned(3)
    assert len(machine.debug_output) == 1

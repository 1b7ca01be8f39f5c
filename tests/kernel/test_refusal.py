# SPDX-License-Identifier: GPL-2.0-or-later
"""Why nobody took an exception, in words."""

import pytest

from emu import Bugchecked, Machine
from emu.address import Gva
from emu.events import DispatchFailed, Event, ExceptionRaised, FrameSearched
from emu.kernel.explanation import Explanation
from emu.kernel.refusal import explain_refusal
from emu.testing.guest import Guest


@pytest.fixture
def program(machine: Machine, guest: Guest) -> Machine:
    machine.load(guest.build("sources/refusals.c"))
    return machine


def test_every_frame_gives_its_reason(program: Machine) -> None:
    outcome = program.call("declines", 0x10, guarded=False)
    assert isinstance(outcome, Bugchecked)
    sentence = (
        "no frame accepted it: refusals!cleans_up (only a __finally around it), "
        "refusals!outside (no __try block around it), "
        "refusals!declines (its filter answered EXCEPTION_CONTINUE_SEARCH (0)), 2 frames without a handler"
    )
    assert outcome.dispatch.explain_refusal() == sentence
    assert f"\n  {sentence}\n" in str(outcome)


def test_an_exit_unwind(program: Machine) -> None:
    outcome = program.call("leaves")
    assert isinstance(outcome, Bugchecked)
    assert outcome.dispatch.explain_refusal().startswith("nobody was left to handle it: an exit unwind")


def test_a_search_that_cannot_go_on(machine: Machine) -> None:
    raised = ExceptionRaised(0xC000_0005, Gva(0x10), (), software=False)
    touch, handler = machine.resolve("CopyFromUser"), machine.resolve("memcpy")
    events: list[Event] = [
        raised,
        FrameSearched(touch, Gva(8), handler),
        DispatchFailed(touch, "the stack cannot be read"),
    ]
    assert explain_refusal(Explanation(machine._system), events) == (
        "no frame accepted it: umaccess!CopyFromUser (its handler memcpy passed it on); "
        "the search ended at umaccess!CopyFromUser: the stack cannot be read"
    )


def test_only_the_last_exception_counts(program: Machine) -> None:
    first = ExceptionRaised(0xC000_0005, Gva(0x10), (), software=False)
    pc = program.resolve("touch")
    events: list[Event] = [first, FrameSearched(pc, Gva(8), pc), first, FrameSearched(pc, Gva(8), None)]
    assert explain_refusal(Explanation(program._system), events) == "no frame accepted it: 1 frame without a handler"

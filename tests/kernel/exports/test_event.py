# SPDX-License-Identifier: GPL-2.0-or-later
"""Events, as KeInitializeEvent leaves them."""

import struct

import pytest

from emu import Bugchecked, Machine
from emu.nt.bugcheck import BugCheck
from tests.kernel.exports.calls import PAGE, value_of


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(("state", "signaled"), [(0, 0), (1, 1), (0x80, 1), (0x100, 0)])
@pytest.mark.parametrize("offset", [0, PAGE - 12])
def test_initialize(machine: Machine, kind: int, state: int, signaled: int, offset: int) -> None:
    event = machine.kernel.alloc(b"\xff" * 0x18, offset=offset)
    machine.kernel.page_out(event)
    value_of(machine, "KeInitializeEvent", event, kind, state)
    found_kind, size, found_state, forward, back = struct.unpack("<BxBxIQQ", event.read())
    assert (found_kind, size, found_state) == (kind, 0x18 // 4, signaled)
    assert forward == back == event.address + 8


def test_an_event_at_the_end_of_the_address_space(machine: Machine) -> None:
    outcome = machine.call("KeInitializeEvent", (1 << 64) - 4, 0, 0)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[0]) == (BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (1 << 64) - 4)

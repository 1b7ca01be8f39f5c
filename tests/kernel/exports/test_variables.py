# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel exports as data, and what headers make of control registers, as compiled code reads them."""

import pytest

from emu import Machine, Returned
from emu.testing.guest import Guest
from tests.kernel.exports.calls import value_of

LIMITS = {
    "MmHighestUserAddress": 0x7FFF_FFFE_FFFF,
    "MmUserProbeAddress": 0x7FFF_FFFF_0000,
    "MmSystemRangeStart": 0xFFFF_8000_0000_0000,
}


@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_limits_of_the_user_half(machine: Machine, guest: Guest, target: str) -> None:
    machine.load(guest.build("sources/variables.c", target=target))
    for name, value in LIMITS.items():
        assert machine.call(f"read_{name}") == Returned(value)


def test_control_register_8(machine: Machine) -> None:
    for irql in (0, 1, 2, 15):
        assert machine.call("__readcr8", irql=irql) == Returned(irql)
        value_of(machine, "__writecr8", 15 - irql, irql=irql)
        assert machine.irql == 15 - irql


@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_inline_irql_functions(machine: Machine, guest: Guest, target: str) -> None:
    machine.load(guest.build("sources/variables.c", target=target))
    for irql in (0, 1, 2):
        assert machine.call("raised", irql=irql) == Returned(irql | 2 << 8)
        assert machine.irql == irql

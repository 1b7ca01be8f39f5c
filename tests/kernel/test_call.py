# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls from the host: arguments, the state that a call begins in, and what is refused."""

import struct

import pytest

from emu import Machine, Raised, Returned, TimedOut
from emu.cpu.registers import FLAG_AC, FLAG_IF, MXCSR_DEFAULT
from emu.kernel.call import MAXIMUM_ARGUMENTS, REGISTER_SENTINELS, XMM_SENTINELS
from emu.testing.guest import Guest


@pytest.fixture
def arguments(machine: Machine, guest: Guest) -> Machine:
    machine.load(guest.build("guest/arguments.S"))
    return machine


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 8, 31])
@pytest.mark.parametrize("guarded", [True, False])
def test_arguments(arguments: Machine, count: int, guarded: bool) -> None:
    values = [3**index for index in range(1, count + 1)]
    expected = sum(index * value for index, value in enumerate(values, 1)) & (1 << 64) - 1
    assert arguments.call("sum_of", count, *values, guarded=guarded) == Returned(expected)


def test_buffers_are_their_addresses(arguments: Machine) -> None:
    buffer = arguments.user.alloc(1)
    assert arguments.call("sum_of", 5, 0, 0, 0, 0, buffer) == Returned(5 * buffer.address)


def test_negative_arguments_wrap(arguments: Machine) -> None:
    assert arguments.call("sum_of", 1, -1) == Returned((1 << 64) - 1)
    assert arguments.call("sum_of", 5, 0, 0, 0, 0, -2) == Returned((1 << 64) - 10)


@pytest.mark.parametrize("value", [1.5, "text", None, b"bytes"])
def test_arguments_that_are_none(arguments: Machine, value: object) -> None:
    with pytest.raises(TypeError):
        arguments.call("sum_of", value)  # type: ignore[arg-type]


def test_too_many(arguments: Machine) -> None:
    assert isinstance(arguments.call("sum_of", *[0] * MAXIMUM_ARGUMENTS), Returned)
    with pytest.raises(ValueError, match="33 arguments; a call takes at most 32"):
        arguments.call("sum_of", *[0] * 33)


@pytest.mark.parametrize("irql", [-1, 16, 255])
def test_irql_that_does_not_exist(arguments: Machine, irql: int) -> None:
    with pytest.raises(ValueError, match=rf"irql {irql} does not exist.*0 \(PASSIVE_LEVEL\) to 15"):
        arguments.call("sum_of", 0, irql=irql)


@pytest.mark.parametrize("budget", [0, -1])
def test_budget_that_lets_nothing_run(arguments: Machine, budget: int) -> None:
    with pytest.raises(ValueError, match=f"budget of {budget} blocks"):
        arguments.call("sum_of", 0, budget=budget)


@pytest.mark.parametrize("machine", ["nehalem", "skylake-server", "skylake-server,smap=permit"], indirect=True)
@pytest.mark.parametrize("spoiled", [False, True])
def test_state_at_the_start(arguments: Machine, spoiled: bool) -> None:
    """The same for every call, whatever the one before has left behind."""
    if spoiled:
        arguments.call("spoil", irql=0)
        assert arguments.irql == 3
    buffer = arguments.kernel.alloc(0xB0)
    assert isinstance(arguments.call("store_registers", buffer), Returned)
    values = struct.unpack("<17QI4x", buffer.read(0x90))
    for number in range(16):
        if number in (0, 1, 4):  # the callee, the argument, the stack
            continue
        assert values[number] == REGISTER_SENTINELS[number]
    assert values[4] % 16 == 8
    flags = values[16]
    assert flags & ~0x8D5 == 2 | FLAG_IF | (FLAG_AC if arguments.profile.kernel_entry_ac else 0)
    assert values[17] == MXCSR_DEFAULT
    assert buffer.read(0x20, 0x90) == XMM_SENTINELS[:16] + XMM_SENTINELS[-16:]
    assert arguments.irql == 0


def test_rounding_mode_does_not_outlive_a_call(arguments: Machine) -> None:
    """MXCSR is written, and so is what the engine computes with."""
    number = arguments.kernel.alloc(struct.pack("<d", 1.7))
    assert arguments.call("round", number) == Returned(2)
    arguments.call("spoil")  # round toward zero
    assert arguments.call("round", number) == Returned(2)


def test_irql_of_the_call(arguments: Machine) -> None:
    for irql in (0, 1, 2, 15):
        arguments.call("sum_of", 0, irql=irql)
        assert arguments.irql == irql


def test_a_call_after_a_timeout_and_an_exception(arguments: Machine) -> None:
    loop = arguments.kernel.alloc(b"\xeb\xfe")
    arguments.kernel.protect(loop, "rx")
    assert isinstance(arguments.call(int(loop), budget=100), TimedOut)
    assert isinstance(arguments.call(0x1234), Raised)
    assert arguments.call("sum_of", 2, 5, 6) == Returned(17)


def test_budget_is_the_calls_own(arguments: Machine) -> None:
    for _ in range(3):
        assert arguments.call("sum_of", 4, 1, 1, 1, 1, budget=20) == Returned(10)
    assert isinstance(arguments.call("sum_of", 31, *[1] * 31, budget=20), TimedOut)

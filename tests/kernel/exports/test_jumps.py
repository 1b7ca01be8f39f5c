# SPDX-License-Identifier: GPL-2.0-or-later
"""setjmp and longjmp: with a frame, what lies between is unwound; without one, it is left as it is."""

import pytest

from emu import Machine, NtStatus, Raised, Returned
from emu.image import Module
from emu.testing.guest import Guest

KEPT = 0x20000
"""RBX and XMM6 as they were at setjmp, added up."""


@pytest.fixture
def module(machine: Machine, guest: Guest) -> Module:
    return machine.load(guest.build("sources/jumps.S"))


@pytest.mark.parametrize("function", ["jump", "jump_ex"])
@pytest.mark.parametrize(("value", "returned"), [(5, 5), (0, 1), (0xFFFF_FFFF, 0xFFFF_FFFF)])
@pytest.mark.parametrize("with_frame", [0, 1])
def test_jump(machine: Machine, module: Module, function: str, value: int, returned: int, with_frame: int) -> None:
    assert machine.call(function, value, with_frame) == Returned(KEPT + returned)
    assert machine._system.memory.read_u64(module["finally_runs"]) == with_frame


def test_the_buffer(machine: Machine, module: Module) -> None:
    machine.call("jump", 5, 1)
    data = machine._system.memory.read(module["buffer"], 0x100)
    frame, rbx, stack_pointer = (int.from_bytes(data[at : at + 8], "little") for at in (0, 8, 0x10))
    assert frame == stack_pointer
    assert rbx == 0x10000
    assert int.from_bytes(data[0x58:0x5C], "little") == 0x1F80
    assert int.from_bytes(data[0x60:0x68], "little") == 0x10000


def test_a_frame_that_is_gone(machine: Machine) -> None:
    buffer = machine.kernel.alloc(b"\x08" + bytes(0xFF))
    outcome = machine.call("longjmp", buffer, 1)
    assert isinstance(outcome, Raised)
    assert outcome.record.code == NtStatus.BAD_STACK


@pytest.mark.parametrize("optimize", ["0", "1", "2"])
@pytest.mark.parametrize(("target", "unwinds"), [("gnu", 1), ("msvc", 0)])
def test_in_c(machine: Machine, guest: Guest, target: str, unwinds: int, optimize: str) -> None:
    """The headers of the toolchain give a frame for the gnu target alone."""
    machine.load(guest.build("sources/setjmp.c", target=target, optimize=optimize))
    assert machine.call("jumped", 5) == Returned(5)
    assert machine.call("runs_of_finally") == Returned(unwinds)

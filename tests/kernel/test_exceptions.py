# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu import Machine
from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.trap import Trap, Vector
from emu.kernel.exceptions import NON_CANONICAL, TrapException, exception_of
from emu.nt.status import NtStatus

RIP = Gva(0x1000)
RAX, RCX, RDX = 0x1111, 0xFFFF_FFFF_0000_0002, 0x3333


def exception(machine: Machine, vector: int, detail: str = "", rip: Gva = RIP) -> TrapException | None:
    registers = [0] * 32
    registers[r.RAX], registers[r.RCX], registers[r.RDX] = RAX, RCX, RDX
    return exception_of(Trap(vector, 0, Gva(0), rip, detail), registers, machine._system.memory)


@pytest.mark.parametrize(
    ("vector", "detail", "status", "information", "rip"),
    [
        (Vector.DEBUG, "", NtStatus.SINGLE_STEP, (), RIP),
        (Vector.DEBUG, "icebp", NtStatus.SINGLE_STEP, (), RIP),
        (Vector.BREAKPOINT, "", NtStatus.BREAKPOINT, (0,), RIP - 1),
        (Vector.OVERFLOW, "", NtStatus.INTEGER_OVERFLOW, (), RIP),
        (Vector.INVALID_OPCODE, "", NtStatus.ILLEGAL_INSTRUCTION, (), RIP),
        (Vector.INVALID_OPCODE, "lock", NtStatus.INVALID_LOCK_SEQUENCE, (), RIP),
        (Vector.GENERAL_PROTECTION, "", NtStatus.ACCESS_VIOLATION, (0, NON_CANONICAL), RIP),
        (Vector.FAST_FAIL, "", NtStatus.STACK_BUFFER_OVERRUN, (2,), RIP - 2),
        (Vector.ASSERTION, "", NtStatus.ASSERTION_FAILURE, (), RIP - 2),
        (Vector.DEBUG_SERVICE, "", NtStatus.BREAKPOINT, (RAX, RCX, RDX), RIP + 1),
    ],
)
def test_what_windows_makes_of_it(
    machine: Machine, vector: Vector, detail: str, status: NtStatus, information: tuple[int, ...], rip: Gva
) -> None:
    assert exception(machine, vector, detail) == TrapException(status, information, rip)


@pytest.mark.parametrize(
    ("instruction", "status"),
    [
        ("f6f6", NtStatus.INTEGER_OVERFLOW),  # div dh
        ("f7f1", NtStatus.INTEGER_OVERFLOW),  # div ecx
        ("f7f3", NtStatus.INTEGER_DIVIDE_BY_ZERO),  # div ebx
        ("65f7342508000000", NtStatus.INTEGER_OVERFLOW),  # relative to GS: not decoded
    ],
)
def test_division(machine: Machine, instruction: str, status: NtStatus) -> None:
    rip = Gva(machine.kernel.alloc(bytes.fromhex(instruction)).address)
    assert exception(machine, Vector.DIVIDE_ERROR, rip=rip) == TrapException(status, (), rip)


@pytest.mark.parametrize("vector", [2, 5, 7, 8, 10, 11, 16, 17, 18, 19, 0x80, 0xFF])
def test_what_is_not_modelled(machine: Machine, vector: int) -> None:
    assert exception(machine, vector) is None

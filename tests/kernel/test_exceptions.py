# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.address import Gva
from emu.cpu.trap import Trap, Vector
from emu.kernel.exceptions import NON_CANONICAL, TrapException, exception_of
from emu.nt.status import NtStatus

RIP = Gva(0x1000)


@pytest.mark.parametrize(
    ("vector", "detail", "divisor_is_zero", "status", "information", "rip"),
    [
        (Vector.DIVIDE_ERROR, "", True, NtStatus.INTEGER_DIVIDE_BY_ZERO, (), RIP),
        (Vector.DIVIDE_ERROR, "", False, NtStatus.INTEGER_OVERFLOW, (), RIP),
        (Vector.DEBUG, "", False, NtStatus.SINGLE_STEP, (), RIP),
        (Vector.DEBUG, "icebp", False, NtStatus.SINGLE_STEP, (), RIP),
        (Vector.BREAKPOINT, "", False, NtStatus.BREAKPOINT, (0,), RIP - 1),
        (Vector.INVALID_OPCODE, "", False, NtStatus.ILLEGAL_INSTRUCTION, (), RIP),
        (Vector.INVALID_OPCODE, "lock", False, NtStatus.INVALID_LOCK_SEQUENCE, (), RIP),
        (Vector.GENERAL_PROTECTION, "", False, NtStatus.ACCESS_VIOLATION, (0, NON_CANONICAL), RIP),
    ],
)
def test_what_windows_makes_of_it(
    vector: Vector, detail: str, divisor_is_zero: bool, status: NtStatus, information: tuple[int, ...], rip: Gva
) -> None:
    trap = Trap(vector, 0, Gva(0), RIP, detail)
    assert exception_of(trap, divisor_is_zero) == TrapException(status, information, rip)


@pytest.mark.parametrize("vector", [2, 4, 5, 7, 8, 10, 11, 16, 17, 18, 19, 0x29, 0x2C, 0x2D, 0x80, 0xFF])
def test_what_is_not_modelled(vector: int) -> None:
    assert exception_of(Trap(vector, 0, Gva(0), RIP), False) is None

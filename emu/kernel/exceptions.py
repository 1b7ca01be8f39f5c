# SPDX-License-Identifier: GPL-2.0-or-later
"""Traps other than page faults, in kernel code: the exception that each becomes."""

from __future__ import annotations

from typing import NamedTuple

from emu.address import ADDRESS_MASK, Gva
from emu.cpu.trap import Trap, Vector
from emu.nt.status import NtStatus

NON_CANONICAL = ADDRESS_MASK
"""The address of an access violation that came as #GP: the CPU does not say which it was."""


class TrapException(NamedTuple):
    """An exception's code and parameters, and where the context's RIP stands."""

    status: NtStatus
    information: tuple[int, ...]
    rip: Gva


def exception_of(trap: Trap, divisor_is_zero: bool) -> TrapException | None:
    """Return the exception that Windows makes of a trap in kernel mode, None where it is not modelled.

    #GP is an access violation whatever caused it; `int3` is reported at the instruction itself.
    """
    vector, rip = trap.vector, trap.rip
    if vector == Vector.GENERAL_PROTECTION:
        return TrapException(NtStatus.ACCESS_VIOLATION, (0, NON_CANONICAL), rip)
    if vector == Vector.DIVIDE_ERROR:
        status = NtStatus.INTEGER_DIVIDE_BY_ZERO if divisor_is_zero else NtStatus.INTEGER_OVERFLOW
        return TrapException(status, (), rip)
    if vector == Vector.INVALID_OPCODE:
        status = NtStatus.INVALID_LOCK_SEQUENCE if trap.detail == "lock" else NtStatus.ILLEGAL_INSTRUCTION
        return TrapException(status, (), rip)
    if vector == Vector.BREAKPOINT:
        return TrapException(NtStatus.BREAKPOINT, (0,), Gva(rip - 1))
    if vector == Vector.DEBUG:
        return TrapException(NtStatus.SINGLE_STEP, (), rip)
    return None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Traps other than page faults, in kernel code: the exception that each becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from emu.address import ADDRESS_MASK, Gva
from emu.cpu import registers as r
from emu.cpu.divisor import divisor_of
from emu.cpu.instruction import MAXIMUM_LENGTH
from emu.cpu.trap import Trap, Vector
from emu.memory.address_space import AddressSpace
from emu.memory.errors import NotMapped
from emu.nt.status import NtStatus

NON_CANONICAL = ADDRESS_MASK
"""The address of an access violation that came as #GP: the CPU does not say which it was."""

INTERRUPT_LENGTH = 2
"""Bytes of `int n`."""


class TrapException(NamedTuple):
    """An exception's code and parameters, and where the context's RIP stands."""

    status: NtStatus
    information: tuple[int, ...]
    rip: Gva


def exception_of(trap: Trap, registers: Sequence[int], memory: AddressSpace) -> TrapException | None:
    """Return the exception that Windows makes of a trap in kernel mode, None where it is not modelled.

    #GP is an access violation whatever caused it; `int3`, `int 29h` and `int 2Ch` are reported at the instruction
    itself; `int 2Dh` skips the byte behind it.
    """
    vector, rip = trap.vector, trap.rip
    if vector == Vector.GENERAL_PROTECTION:
        return TrapException(NtStatus.ACCESS_VIOLATION, (0, NON_CANONICAL), rip)
    if vector == Vector.DIVIDE_ERROR:
        zero = _divisor_is_zero(rip, registers, memory)
        return TrapException(NtStatus.INTEGER_DIVIDE_BY_ZERO if zero else NtStatus.INTEGER_OVERFLOW, (), rip)
    if vector == Vector.INVALID_OPCODE:
        status = NtStatus.INVALID_LOCK_SEQUENCE if trap.detail == "lock" else NtStatus.ILLEGAL_INSTRUCTION
        return TrapException(status, (), rip)
    if vector == Vector.BREAKPOINT:
        return TrapException(NtStatus.BREAKPOINT, (0,), Gva(rip - 1))
    if vector == Vector.DEBUG:
        return TrapException(NtStatus.SINGLE_STEP, (), rip)
    if vector == Vector.OVERFLOW:
        return TrapException(NtStatus.INTEGER_OVERFLOW, (), rip)  # `int 4`: 64-bit mode has no `into`
    if vector == Vector.FAST_FAIL:
        code = registers[r.RCX] & 0xFFFF_FFFF
        return TrapException(NtStatus.STACK_BUFFER_OVERRUN, (code,), Gva(rip - INTERRUPT_LENGTH))
    if vector == Vector.ASSERTION:
        return TrapException(NtStatus.ASSERTION_FAILURE, (), Gva(rip - INTERRUPT_LENGTH))
    if vector == Vector.DEBUG_SERVICE:
        return TrapException(NtStatus.BREAKPOINT, (registers[r.RAX], registers[r.RCX], registers[r.RDX]), Gva(rip + 1))
    return None


def _divisor_is_zero(rip: Gva, registers: Sequence[int], memory: AddressSpace) -> bool:
    code = memory.read_available(rip, MAXIMUM_LENGTH)
    try:
        return divisor_of(code, rip, registers, memory.read) == 0
    except (NotMapped, ValueError):
        return False  # an address of a form that is not decoded, as one relative to GS

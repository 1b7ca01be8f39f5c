# SPDX-License-Identifier: GPL-2.0-or-later
"""The divisor of a `div` or `idiv`: a #DE is an overflow unless it is zero, and the CPU does not say which."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from capstone import x86 as cs

from emu.address import ADDRESS_MASK, Gva
from emu.cpu.disassembly import disassemble
from emu.cpu.registers import GPR_NAMES

_LOW_BYTES = {"al": 0, "cl": 1, "dl": 2, "bl": 3, "spl": 4, "bpl": 5, "sil": 6, "dil": 7}
_HIGH_BYTES = {"ah": 0, "ch": 1, "dh": 2, "bh": 3}


def divisor_of(code: bytes, address: Gva, registers: Sequence[int], read: Callable[[Gva, int], bytes]) -> int | None:
    """Return the divisor of the instruction in `code`, None where it is no division.

    `registers` are the sixteen general registers, `read` reads guest memory.
    """
    found = disassemble(code, address)
    if found is None or found.mnemonic not in ("div", "idiv"):
        return None
    operand = found.operands[0]
    if operand.type == cs.X86_OP_REG:
        return register_value(found.reg_name(operand.reg), operand.size, registers)
    memory = operand.mem
    where = memory.disp
    if memory.base == cs.X86_REG_RIP:
        where += address + found.size
    elif memory.base:
        where += register_value(found.reg_name(memory.base), 8, registers)
    if memory.index:
        where += register_value(found.reg_name(memory.index), 8, registers) * memory.scale
    return int.from_bytes(read(Gva(where & ADDRESS_MASK), operand.size), "little")


def register_value(name: str, size: int, registers: Sequence[int]) -> int:
    """Return the value of a general register under any of its names, `size` bytes wide."""
    if name in _HIGH_BYTES:
        return registers[_HIGH_BYTES[name]] >> 8 & 0xFF
    return registers[_register_number(name)] & (1 << 8 * size) - 1


def _register_number(name: str) -> int:
    if name in _LOW_BYTES:
        return _LOW_BYTES[name]
    stem = name.rstrip("bwd") if name[1].isdigit() else f"r{name[-2:]}"
    return GPR_NAMES.index(stem)

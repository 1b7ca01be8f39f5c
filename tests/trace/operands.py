# SPDX-License-Identifier: GPL-2.0-or-later
"""Operands of one instruction, as capstone decodes it: their addresses, and the values of registers and immediates."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Generator, Sequence
from typing import Final, NamedTuple

import capstone
from capstone import x86 as cs

from emu.trace import READ, WRITE
from emu.trace.trace import REGISTER_COLUMNS

QUAD: Final = (1 << 64) - 1
CARRY: Final = 1
RSP, RBP = REGISTER_COLUMNS.index("rsp"), REGISTER_COLUMNS.index("rbp")
RIP, RFLAGS = REGISTER_COLUMNS.index("rip"), REGISTER_COLUMNS.index("rflags")


class Access(NamedTuple):
    """An access that an instruction must make."""

    address: int
    size: int
    kind: int
    value: int | None = None
    """What it must write, None where that is not known. A read's value is not the instruction's to say."""


Accesses = Generator[Access, int, None]
"""The accesses of an instruction, in order; the value of each is sent in."""


class Operand(NamedTuple):
    """A register, an immediate or a place in memory; `size` in bytes."""

    type: int
    size: int
    register: str = ""
    immediate: int = 0
    base: str = ""
    index_register: str = ""
    scale: int = 1
    displacement: int = 0

    @property
    def is_memory(self) -> bool:
        """Whether it lies in memory."""
        return bool(self.type == cs.X86_OP_MEM)

    @property
    def is_vector(self) -> bool:
        """Whether it is an XMM or MMX register."""
        return self.register.startswith(("xmm", "mm"))

    @property
    def is_segment(self) -> bool:
        """Whether it is a segment register."""
        return self.register in ("cs", "ds", "es", "fs", "gs", "ss")


class Decoded(NamedTuple):
    """One instruction."""

    name: str
    """Its mnemonic without prefixes."""
    text: str
    size: int
    prefixes: bytes
    """The legacy prefixes, in order."""
    wide: bool
    """It has REX.W."""
    operands: tuple[Operand, ...]
    implicit: frozenset[str]
    """Registers that it reads or writes without naming them."""

    @property
    def memory(self) -> tuple[Operand, ...]:
        """The operands in memory."""
        return tuple(operand for operand in self.operands if operand.is_memory)

    @property
    def repeats(self) -> bool:
        """It has a repeat prefix, which means something to a string instruction alone."""
        return not {0xF2, 0xF3}.isdisjoint(self.prefixes)


class State:
    """Registers before an instruction.

    row          the columns of `Trace.registers`
    vectors      the XMM and MMX registers that are known: name → value
    descriptors  address of the global descriptor table
    """

    def __init__(self, row: Sequence[int], vectors: dict[str, int] | None = None, descriptors: int = 0) -> None:
        self.row = row
        self.vectors = {} if vectors is None else vectors
        self.descriptors = descriptors

    def register(self, name: str) -> int | None:
        """Return the value of a register by its name; None where a trace does not tell it."""
        if name in _PLACES:
            number, shift, size = _PLACES[name]
            return self.row[number] >> shift & (1 << 8 * size) - 1
        return self.vectors.get(name)

    def general(self, name: str) -> int:
        """Return the value of a general register. Raises KeyError for any other."""
        number, shift, size = _PLACES[name]
        return self.row[number] >> shift & (1 << 8 * size) - 1

    def value(self, operand: Operand, size: int) -> int | None:
        """Return a register or immediate in `size` bytes; None where a trace does not tell it."""
        value = operand.immediate if operand.type == cs.X86_OP_IMM else self.register(operand.register)
        return None if value is None else value & (1 << 8 * size) - 1

    def address(self, code: Decoded, operand: Operand) -> int:
        """Return the address of an operand in memory; the bases of FS and GS are 0."""
        base = 0
        if operand.base:
            base = self.row[RIP] + code.size if operand.base == "rip" else self.general(operand.base)
        index = self.general(operand.index_register) if operand.index_register not in ("", "riz", "eiz") else 0
        address = base + index * operand.scale + operand.displacement
        return address & (0xFFFF_FFFF if 0x67 in code.prefixes else QUAD)


def read(address: int, size: int) -> Access:
    """Return a read."""
    return Access(address & QUAD, size, READ)


def write(address: int, size: int, value: int | None) -> Access:
    """Return a write of the low bytes of a value."""
    return Access(address & QUAD, size, WRITE, None if value is None else value & (1 << 8 * size) - 1)


def _places() -> dict[str, tuple[int, int, int]]:
    """Return where each general register lies: its column, its shift in bits, its size in bytes."""
    places = {}
    for number, name in enumerate(REGISTER_COLUMNS[:16]):
        places[name] = number, 0, 8
        if name.startswith("r") and name[1:].isdigit():
            parts = {f"{name}d": 4, f"{name}w": 2, f"{name}b": 1}
        elif name.endswith("x"):
            parts = {f"e{name[1:]}": 4, name[1:]: 2, f"{name[1]}l": 1}
            places[f"{name[1]}h"] = number, 8, 1
        else:
            parts = {f"e{name[1:]}": 4, name[1:]: 2, f"{name[1:]}l": 1}
        places |= {part: (number, 0, size) for part, size in parts.items()}
    return places


_PLACES: Final = _places()


_LEGACY_PREFIXES: Final = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3))


def _prefixes(code: bytes) -> bytes:
    """Return the legacy prefixes of an instruction. Capstone keeps some of them to itself, as F2 before `movsd`."""
    return bytes(itertools.takewhile(_LEGACY_PREFIXES.__contains__, code))


@functools.cache
def _decoder() -> capstone.Cs:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    return decoder


@functools.cache
def decode(code: bytes) -> Decoded | None:
    """Decode an instruction; None for bytes that are none."""
    found = next(_decoder().disasm(code, 0, 1), None)
    if found is None:
        return None

    def name(register: int) -> str:
        return str(found.reg_name(register)) if register else ""

    operands = []
    for each in found.operands:
        if each.type == cs.X86_OP_MEM:
            place = each.mem
            operands.append(
                Operand(each.type, each.size, "", 0, name(place.base), name(place.index), place.scale, place.disp)
            )
        elif each.type == cs.X86_OP_IMM:
            operands.append(Operand(each.type, each.size, immediate=each.imm))
        else:
            operands.append(Operand(each.type, each.size, name(each.reg)))
    return Decoded(
        name=found.mnemonic.split()[-1],
        text=f"{found.mnemonic} {found.op_str}".strip(),
        size=found.size,
        prefixes=_prefixes(code),
        wide=bool(found.rex & 8),
        operands=tuple(operands),
        implicit=frozenset(name(each) for each in (*found.regs_read, *found.regs_write)),
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions as the frame's bookkeeping sees them: what they read and write, and where control goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any, NamedTuple

import capstone
from capstone import x86 as cs

from emu.address import ADDRESS_MASK
from emu.cpu.disassembly import disassemble
from emu.cpu.instruction import MAXIMUM_LENGTH
from emu.seh.context import REGISTER_NAMES

CodeReader = Callable[[int, int], bytes]
"""`read(rva, size)`: the image's bytes, fewer where it ends."""


class Flow(Enum):
    """Where control goes behind an instruction."""

    NEXT = auto()
    CALL = auto()
    JUMP = auto()
    """`target` None: indirect."""
    BRANCH = auto()
    RETURN = auto()
    STOP = auto()
    """It does not come back: int3, ud2, a fast fail."""


class Operand(NamedTuple):
    """A register, an immediate or a memory operand; what an operand is not is None."""

    size: int
    register: int | None = None
    """A general register, whatever part of it."""
    xmm: int | None = None
    immediate: int | None = None
    base: int | None = None
    """Of a memory operand that has no index and no segment override: its base register."""
    displacement: int = 0
    is_memory: bool = False
    is_written: bool = False


class Instruction(NamedTuple):
    """One decoded instruction at an RVA."""

    rva: int
    size: int
    mnemonic: str
    text: str
    flow: Flow
    target: int | None
    operands: tuple[Operand, ...]
    written: frozenset[int]
    """General registers it writes, whatever part of them."""
    written_xmm: frozenset[int]
    """XMM registers it changes; of a write of the upper half alone, as vzeroupper is, they know nothing."""
    operand_size: int
    """In bytes; of the first operand."""

    @property
    def is_trap_return(self) -> bool:
        """Whether it is an iretq."""
        return self.mnemonic == "iretq"

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.rva + self.size


def _register_numbers() -> dict[int, int]:
    numbers = {}
    for number, name in enumerate(REGISTER_NAMES):
        if number < 8:
            stem = name[1:]
            parts = [name, f"e{stem}", stem]
            parts += [f"{stem[0]}l", f"{stem[0]}h"] if stem.endswith("x") else [f"{stem}l"]
        else:
            parts = [name, f"{name}d", f"{name}w", f"{name}b"]
        for part in parts:
            numbers[getattr(cs, f"X86_REG_{part.upper()}")] = number
    return numbers


_GENERAL = _register_numbers()
_XMM = {
    getattr(cs, f"X86_REG_{width}MM{number}"): number for width in "XYZ" for number in range(16)
}  # a write of the low half of a YMM register zeroes or changes the XMM part, too
_STOPPING_INTERRUPTS = frozenset((0x29, 0x2C))
_BRANCHES_ON_COUNT = frozenset(("loop", "loope", "loopne", "jrcxz", "jecxz"))


def decode_at(read: CodeReader, rva: int) -> Instruction | None:
    """Decode the instruction at an RVA; None where there is none."""
    found = disassemble(read(rva, MAXIMUM_LENGTH), rva)
    return None if found is None else _convert(found)


def decode_range(read: CodeReader, begin: int, end: int) -> Iterator[Instruction]:
    """Decode one instruction after another, up to an RVA or to what is no instruction."""
    while begin < end and (instruction := decode_at(read, begin)) is not None:
        yield instruction
        begin = instruction.end


def _convert(found: capstone.CsInsn) -> Instruction:
    mnemonic = found.mnemonic.split()[-1]
    operands = tuple(_operand(operand) for operand in found.operands)
    _, written = found.regs_access()
    flow, target = _flow(found, mnemonic, operands)
    return Instruction(
        rva=found.address,
        size=found.size,
        mnemonic=mnemonic,
        text=f"{found.mnemonic} {found.op_str}".strip(),
        flow=flow,
        target=target,
        operands=operands,
        written=frozenset(_GENERAL[register] for register in written if register in _GENERAL),
        written_xmm=frozenset(_XMM[register] for register in written if register in _XMM and mnemonic != "vzeroupper"),
        operand_size=operands[0].size if operands else 8,
    )


def _operand(operand: Any) -> Operand:
    is_written = bool(operand.access & capstone.CS_AC_WRITE)
    if operand.type == cs.X86_OP_REG:
        return Operand(operand.size, _GENERAL.get(operand.reg), _XMM.get(operand.reg), is_written=is_written)
    if operand.type == cs.X86_OP_IMM:
        return Operand(operand.size, immediate=operand.imm)
    memory = operand.mem
    plain = memory.index == 0 and memory.segment == 0
    return Operand(
        operand.size,
        base=_GENERAL.get(memory.base) if plain else None,
        displacement=memory.disp,
        is_memory=True,
        is_written=is_written,
    )


def _flow(found: capstone.CsInsn, mnemonic: str, operands: tuple[Operand, ...]) -> tuple[Flow, int | None]:
    immediate = operands[0].immediate if operands else None
    target = None if immediate is None else immediate & ADDRESS_MASK
    if found.group(cs.X86_GRP_CALL):
        return Flow.CALL, target
    if found.group(cs.X86_GRP_RET) or found.group(cs.X86_GRP_IRET):
        return Flow.RETURN, None
    if found.group(cs.X86_GRP_JUMP) or mnemonic in _BRANCHES_ON_COUNT:
        return (Flow.JUMP if mnemonic == "jmp" else Flow.BRANCH), target
    if mnemonic in ("int3", "ud2", "ud1", "ud0", "int1") or (mnemonic == "int" and target in _STOPPING_INTERRUPTS):
        return Flow.STOP, None
    return Flow.NEXT, None

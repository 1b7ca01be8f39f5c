# SPDX-License-Identifier: GPL-2.0-or-later
"""What the instruction at a trap says that the engine does not: decoded once per encoding and cached."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, NamedTuple

import capstone
from capstone import x86 as cs

from emu.address import ADDRESS_MASK
from emu.cpu import registers as r
from emu.cpu.disassembly import disassemble

MAXIMUM_LENGTH = 15
"""Bytes of the longest instruction (Intel SDM Vol. 2, 2.3.11)."""

_ARITHMETIC = ("add", "adc", "sub", "sbb", "and", "or", "xor", "inc", "dec", "not", "neg")
_SHIFTS = ("rol", "ror", "rcl", "rcr", "shl", "sal", "shr", "sar", "shld", "shrd")
_BITS_AND_EXCHANGES = ("bts", "btr", "btc", "xadd", "xchg", "cmpxchg", "cmpxchg8b", "cmpxchg16b")
_READ_MODIFY_WRITE = frozenset((*_ARITHMETIC, *_SHIFTS, *_BITS_AND_EXCHANGES))
"""With memory as the first operand. capstone 5's access flags call rotates and the cmpxchg family reads only."""

_PUSHES = frozenset(("push", "pushf", "pushfq", "call", "enter"))
_POPS = frozenset(("pop", "popf", "popfq", "ret", "retf", "retfq", "iretd", "iretq"))
_EXTENDED_STATE = ("xsave", "xrstor", "xgetbv", "xsetbv")
_SEGMENT_AND_ADDRESS_PREFIXES = b"\x26\x2e\x36\x3e\x64\x65\x67"
_VEX = (0xC4, 0xC5)
_EVEX = 0x62
_TRANSFERS = (
    *(cs.X86_GRP_JUMP, cs.X86_GRP_BRANCH_RELATIVE, cs.X86_GRP_CALL),
    *(cs.X86_GRP_RET, cs.X86_GRP_IRET, cs.X86_GRP_INT),
)
_GENERAL_PURPOSE_GROUPS = (cs.X86_GRP_BMI, cs.X86_GRP_BMI2)

_REGISTER_NUMBERS: Final = {getattr(cs, f"X86_REG_{name.upper()}"): i for i, name in enumerate(r.GPR_NAMES)}


class Operand(NamedTuple):
    """A memory operand: base + index × scale + displacement, as register numbers."""

    base: int | None
    index_register: int | None
    scale: int
    displacement: int
    size: int
    """In bytes."""
    on_stack: bool
    """It is addressed through RSP or RBP, pushes and pops included: there a non-canonical address is a #SS."""

    def address(self, registers: Sequence[int]) -> int:
        """Return where it lies, given the sixteen general registers."""
        base = registers[self.base] if self.base is not None else 0
        index = registers[self.index_register] * self.scale if self.index_register is not None else 0
        return (base + index + self.displacement) & ADDRESS_MASK


class Instruction(NamedTuple):
    """The facts of one encoding that mend a trap."""

    text: str
    """Mnemonic and operands, empty for bytes that are no instruction."""
    length: int
    read_modify_write: bool
    """It reads and writes one memory operand."""
    operands: tuple[Operand, ...]
    """What it addresses in memory, but for operands that FS, GS or RIP go into."""
    vector_extension: bool
    """VEX or EVEX encoded, or of the XSAVE family: what the engine lacks on every model."""
    evex: bool
    """EVEX encoded: AVX-512."""
    ends_block: bool
    """It may go on elsewhere than behind itself."""
    stack_change: int | None
    """Bytes that a near jump, call or return to anywhere adds to RSP, None for all else."""


_NOTHING = Instruction("", 0, False, (), False, False, False, None)


@functools.lru_cache(maxsize=65536)
def decode(code: bytes) -> Instruction:
    """Decode the first instruction of up to 15 bytes of code."""
    found = disassemble(code)
    if found is None:
        return _NOTHING
    name = found.mnemonic.split()[-1]
    memory = [operand for operand in found.operands if operand.type == cs.X86_OP_MEM]
    opcode = bytes(found.bytes).lstrip(_SEGMENT_AND_ADDRESS_PREFIXES)[0]
    vector = opcode in _VEX and not any(found.group(group) for group in _GENERAL_PURPOSE_GROUPS)
    return Instruction(
        text=f"{found.mnemonic} {found.op_str}".strip(),
        length=found.size,
        read_modify_write=name in _READ_MODIFY_WRITE and found.operands[0].type == cs.X86_OP_MEM,
        operands=(*_explicit(memory), *_implicit(name, found)),
        vector_extension=vector or opcode == _EVEX or name.startswith(_EXTENDED_STATE),
        evex=opcode == _EVEX,
        ends_block=any(found.group(group) for group in _TRANSFERS),
        stack_change=_stack_change(name, found.operands),
    )


def _stack_change(name: str, operands: list[capstone.x86.X86Op]) -> int | None:
    if name == "ret":
        return 8 + sum(int(operand.imm) for operand in operands)
    if name in ("call", "jmp") and operands[0].type != cs.X86_OP_IMM:
        return -8 if name == "call" else 0
    return None


def _explicit(memory: list[capstone.x86.X86Op]) -> list[Operand]:
    """Collect the operands; with RSP or RBP as their base they are in the stack segment (Intel SDM Vol. 1, 3.7.4)."""
    found = []
    for operand in memory:
        place = operand.mem
        if place.base != cs.X86_REG_RIP and place.segment not in (cs.X86_REG_FS, cs.X86_REG_GS):
            base, index = _REGISTER_NUMBERS.get(place.base), _REGISTER_NUMBERS.get(place.index)
            found.append(Operand(base, index, place.scale, place.disp, operand.size, base in (r.RSP, r.RBP)))
    return found


def _implicit(name: str, found: capstone.CsInsn) -> list[Operand]:
    """Collect what a push, a pop, a call, a return and `leave` touch."""
    if name in _PUSHES:
        size = found.operands[0].size if name == "push" else 8
        return [Operand(r.RSP, None, 1, -size, size, on_stack=True)]
    if name in _POPS:
        size = found.operands[0].size if name == "pop" else 8
        return [Operand(r.RSP, None, 1, 0, size, on_stack=True)]
    if name == "leave":
        return [Operand(r.RBP, None, 1, 0, 8, on_stack=True)]
    return []

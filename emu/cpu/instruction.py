# SPDX-License-Identifier: GPL-2.0-or-later
"""What the instruction at a trap says that the engine does not: decoded once per encoding and cached."""

from __future__ import annotations

import functools
from typing import NamedTuple

import capstone
from capstone import x86 as cs

MAXIMUM_LENGTH = 15
"""Bytes of the longest instruction (Intel SDM Vol. 2, 2.3.11)."""

_READ_WRITE = capstone.CS_AC_READ | capstone.CS_AC_WRITE
_STACK_REGISTERS = {cs.X86_REG_RSP, cs.X86_REG_RBP, cs.X86_REG_ESP, cs.X86_REG_EBP}
_STACK_MNEMONICS = ("push", "pop", "call", "ret", "leave", "enter", "iret")
_EXTENDED_STATE = ("xsave", "xrstor", "xgetbv", "xsetbv")


class Instruction(NamedTuple):
    """The facts of one encoding that mend a trap."""

    text: str
    """Mnemonic and operands, empty for bytes that are no instruction."""
    length: int
    read_modify_write: bool
    """It reads and writes one memory operand."""
    stack_operand: bool
    """It addresses memory through RSP or RBP, so that a non-canonical address is a #SS."""
    vector_extension: bool
    """VEX or EVEX encoded, or of the XSAVE family: what the engine lacks on every model."""


_NOTHING = Instruction("", 0, False, False, False)


@functools.cache
def _decoder() -> capstone.Cs:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    return decoder


@functools.lru_cache(maxsize=65536)
def decode(code: bytes) -> Instruction:
    """Decode the first instruction of up to 15 bytes of code."""
    found = next(_decoder().disasm(code, 0, 1), None)
    if found is None:
        return _NOTHING
    name = found.mnemonic.split()[-1]
    memory = [operand for operand in found.operands if operand.type == cs.X86_OP_MEM]
    # capstone 5 reports cmpxchg, cmpxchg8b and cmpxchg16b as reads only
    modifies = name.startswith("cmpxchg") or any(
        operand.access & _READ_WRITE == _READ_WRITE for operand in memory
    )
    return Instruction(
        text=f"{found.mnemonic} {found.op_str}".strip(),
        length=found.size,
        read_modify_write=bool(memory) and modifies,
        stack_operand=any(operand.mem.base in _STACK_REGISTERS for operand in memory)
        or name.startswith(_STACK_MNEMONICS),
        vector_extension=name.startswith(_EXTENDED_STATE) or _is_vector_encoded(found.bytes),
    )


def _is_vector_encoded(code: bytes) -> bool:
    """Tell a VEX (C4, C5) or EVEX (62) prefix, which in 64-bit mode can be nothing else."""
    return code[0] in (0xC4, 0xC5, 0x62)

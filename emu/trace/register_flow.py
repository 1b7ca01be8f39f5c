# SPDX-License-Identifier: GPL-2.0-or-later
"""Which register an instruction fills from memory or puts into it as it is, and which ones it changes."""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

from capstone import x86 as cs

from emu.cpu.disassembly import disassemble

FAMILIES: Final = 32
"""rax to r15 with their parts, then xmm0 to xmm15."""
NO_FAMILY: Final = -1

_GENERAL: Final = (
    ("rax", "eax", "ax", "al"),
    ("rcx", "ecx", "cx", "cl"),
    ("rdx", "edx", "dx", "dl"),
    ("rbx", "ebx", "bx", "bl"),
    ("rsp", "esp", "sp", "spl"),
    ("rbp", "ebp", "bp", "bpl"),
    ("rsi", "esi", "si", "sil"),
    ("rdi", "edi", "di", "dil"),
    *((f"r{number}", f"r{number}d", f"r{number}w", f"r{number}b") for number in range(8, 16)),
)
_LOW_PARTS: Final = {name: family for family, names in enumerate(_GENERAL) for name in names} | {
    f"xmm{number}": 16 + number for number in range(16)
}
_PARTS: Final = _LOW_PARTS | {"ah": 0, "ch": 1, "dh": 2, "bh": 3}

_GENERAL_MOVES: Final = ("mov", "movzx", "movsx", "movsxd", "movabs", "movnti")
_VECTOR_MOVES: Final = ("movd", "movq", "movss", "movsd", "movups", "movupd", "movaps", "movapd", "movdqu", "movdqa")
_OTHER_VECTOR_MOVES: Final = ("lddqu", "movntdq", "movntps", "movntpd", "movntdqa")
_MOVES: Final = frozenset((*_GENERAL_MOVES, *_VECTOR_MOVES, *_OTHER_VECTOR_MOVES))
"""Byte k of the memory is byte k of the register, whichever way it goes."""
_STRING_MOVES: Final = frozenset(("movsb", "movsw", "movsd", "movsq"))


class RegisterFlow(NamedTuple):
    """What one encoding does with registers, as families of `FAMILIES`; `NO_FAMILY` for none."""

    loads: int
    """Its low bytes are those of the one memory operand afterwards."""
    stores: int
    """Its low bytes are written to the one memory operand."""
    string_move: bool
    """What it reads it writes, byte for byte."""
    changes: tuple[int, ...]
    """The families that are something else afterwards, the loaded one included."""


NO_FLOW: Final = RegisterFlow(NO_FAMILY, NO_FAMILY, False, ())


@functools.lru_cache(maxsize=65536)
def register_flow(code: bytes) -> RegisterFlow:
    """Return what the first instruction of some code does with registers; nothing for what is no instruction."""
    found = disassemble(code)
    if found is None:
        return NO_FLOW
    name = found.mnemonic.split()[-1]
    written = [found.reg_name(register) for register in found.regs_access()[1]]
    changes = tuple(sorted({_PARTS[register] for register in written if register in _PARTS}))
    memory = [operand.type == cs.X86_OP_MEM for operand in found.operands]
    if memory == [True, True]:
        return RegisterFlow(NO_FAMILY, NO_FAMILY, name in _STRING_MOVES, changes)
    if name not in _MOVES or len(memory) != 2:
        return RegisterFlow(NO_FAMILY, NO_FAMILY, False, changes)
    target, source = found.operands
    if memory == [False, True]:
        return RegisterFlow(_family(found, target), NO_FAMILY, False, changes)
    if memory == [True, False] and source.type == cs.X86_OP_REG:
        return RegisterFlow(NO_FAMILY, _family(found, source), False, changes)
    return RegisterFlow(NO_FAMILY, NO_FAMILY, False, changes)


def _family(found: Any, operand: Any) -> int:
    return _LOW_PARTS.get(found.reg_name(operand.reg), NO_FAMILY)

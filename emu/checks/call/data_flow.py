# SPDX-License-Identifier: GPL-2.0-or-later
"""Which registers, and whether memory, an instruction makes its results of."""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

import capstone
from capstone import x86 as cs

from emu.cpu import registers as r
from emu.cpu.disassembly import disassemble

VECTORS: Final = 16
"""The number of xmm0; general registers have those of the hardware."""
REGISTERS: Final = 32

_PARTS: Final = (
    *(("rax", "eax", "ax", "al", "ah"), ("rcx", "ecx", "cx", "cl", "ch")),
    *(("rdx", "edx", "dx", "dl", "dh"), ("rbx", "ebx", "bx", "bl", "bh")),
    *(("rsp", "esp", "sp", "spl"), ("rbp", "ebp", "bp", "bpl")),
    *(("rsi", "esi", "si", "sil"), ("rdi", "edi", "di", "dil")),
    *((f"r{number}", f"r{number}d", f"r{number}w", f"r{number}b") for number in range(8, 16)),
    *((f"xmm{number}",) for number in range(16)),
)
NUMBERS: Final = {name: number for number, names in enumerate(_PARTS) for name in names}
"""Of every part of a register, by its name, the register's number."""

_CLEARING: Final = frozenset(("xor", "sub", "pxor", "xorps", "xorpd", "psubb", "psubw", "psubd", "psubq", "sbb"))
"""With one register twice they say nothing about what was in it; `sbb` goes by CF alone."""
_INTO_RAX_AND_RDX: Final = ("mul", "imul", "div", "idiv")
_SINGLE_STRINGS: Final = ("b", "w", "d", "q")
_STRINGS: Final = {
    f"{name}{width}": name for name in ("movs", "stos", "lods", "scas", "cmps") for width in _SINGLE_STRINGS
}
_TRANSFERS: Final = (cs.X86_GRP_JUMP, cs.X86_GRP_CALL, cs.X86_GRP_RET, cs.X86_GRP_IRET, cs.X86_GRP_INT)


class DataFlow(NamedTuple):
    """What the results of one encoding are made of. Registers that only say where memory is do not count."""

    into_registers: tuple[int, ...]
    """The registers that go into those that it changes."""
    into_memory: tuple[int, ...]
    """The registers that go into what it writes to memory."""
    memory_into_registers: bool
    """What it reads in memory goes into the registers that it changes."""
    memory_into_memory: bool
    """And into what it writes to memory."""
    changes: tuple[int, ...]
    """The registers that it changes."""


NO_FLOW: Final = DataFlow((), (), False, False, ())


@functools.lru_cache(maxsize=65536)
def data_flow(encoding: bytes) -> DataFlow:
    """Return what the results of an instruction are made of; nothing for what is no instruction."""
    found = disassemble(encoding)
    if found is None:
        return NO_FLOW
    name = found.mnemonic.split()[-1]
    if any(found.group(group) for group in _TRANSFERS):
        return NO_FLOW
    changes = numbers_of(found, found.regs_access()[1])
    string = _STRINGS.get(name)
    if string is not None and not any(
        operand.type == cs.X86_OP_REG and operand.size == 16 for operand in found.operands
    ):
        return _string(string, changes)
    if name in ("push", "pushfq", "pop", "popfq", "leave"):
        sources = tuple(_register(found, operand) for operand in found.operands if operand.type == cs.X86_OP_REG)
        is_push = name.startswith("push")
        has_memory = any(operand.type == cs.X86_OP_MEM for operand in found.operands)
        kept = tuple(number for number in changes if number != r.RSP)
        if name == "pop" and not has_memory:
            kept = tuple(number for number in sources if number >= 0)
        return DataFlow((), sources if is_push else (), not is_push, is_push and has_memory, kept)
    return _other(found, name, changes)


def _string(string: str, changes: tuple[int, ...]) -> DataFlow:
    from_rax = (r.RAX,) if string == "stos" else ()
    kept = tuple(number for number in changes if string == "lods" or number != r.RAX)
    return DataFlow(kept if string != "lods" else (), from_rax, string == "lods", string == "movs", kept)


def _other(found: Any, name: str, changes: tuple[int, ...]) -> DataFlow:
    operands = found.operands
    is_lea = name == "lea"
    registers = [operand for operand in operands if operand.type == cs.X86_OP_REG]
    if name in _CLEARING and len(registers) == 2 and registers[0].reg == registers[1].reg and len(operands) == 2:
        return DataFlow((), (), False, False, changes)
    to_memory = bool(operands) and operands[0].type == cs.X86_OP_MEM and name not in ("lea", *_INTO_RAX_AND_RDX)
    reads = [_register(found, operand) for operand in registers if operand.access & capstone.CS_AC_READ or to_memory]
    reads += numbers_of(found, found.regs_read)
    if name.startswith("cmov"):
        reads.append(_register(found, operands[0]))
    if is_lea:
        reads = [*numbers_of(found, found.regs_access()[0])]
    sources = tuple(dict.fromkeys(number for number in reads if number >= 0 and (is_lea or number != r.RSP)))
    has_memory = any(operand.type == cs.X86_OP_MEM for operand in operands) and not is_lea
    if not to_memory:
        return DataFlow(sources, (), has_memory, False, changes)
    if name == "cmpxchg":
        changes = (r.RAX,)
    keeps = bool(operands[0].access & capstone.CS_AC_READ) and not name.startswith("mov") and name != "xchg"
    return DataFlow((), sources, bool(changes), keeps, changes)


def numbers_of(found: Any, registers: Any) -> tuple[int, ...]:
    """Return the numbers of registers by capstone's identifiers, each once, as far as they have one."""
    names = (found.reg_name(register) for register in registers)
    return tuple(dict.fromkeys(NUMBERS[name] for name in names if name in NUMBERS))


def _register(found: Any, operand: Any) -> int:
    return NUMBERS.get(found.reg_name(operand.reg), -1)

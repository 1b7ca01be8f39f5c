# SPDX-License-Identifier: GPL-2.0-or-later
"""What an instruction does to the shadows of registers and memory: decoded once for each encoding."""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

from capstone import x86 as cs

from emu.checks.call.data_flow import NUMBERS, VECTORS, data_flow, numbers_of
from emu.checks.information_leak import combinations as c
from emu.cpu import registers as r
from emu.cpu.disassembly import disassemble

MEMORY: Final = -1
"""In the place of a register: what the instruction reads, or writes, in memory."""
VECTOR_SIZE: Final = 16
GENERAL_SIZE: Final = 8


class Place(NamedTuple):
    """Some bytes of a register, or of the memory that an instruction reads or writes."""

    register: int
    offset: int
    size: int


class Transfer(NamedTuple):
    """One result: `combine` makes its shadow of those of the sources."""

    target: Place
    sources: tuple[Place, ...]
    combine: c.Combination


_HIGH: Final = ("ah", "bh", "ch", "dh")
_VECTOR_MOVES: Final = frozenset(
    ("movups", "movupd", "movaps", "movapd", "movdqu", "movdqa", "lddqu", "movntdq", "movntps", "movntpd", "movntdqa")
)
_BITWISE: Final = frozenset(
    (
        *("or", "xor", "and", "andn", "pand", "por", "pxor", "pandn", "andps", "andpd", "andnps", "andnpd"),
        *("orps", "orpd", "xorps", "xorpd", "pcmpeqb", "paddb", "psubb", "pminub", "pmaxub"),
    )
)
"""And vector operations on bytes."""
_UPWARDS: Final = frozenset(("add", "sub", "adc", "sbb", "inc", "dec", "neg", "imul", "lea"))
_COUNTS: Final = frozenset(
    ("bsf", "bsr", "tzcnt", "lzcnt", "popcnt", "pmovmskb", "movmskps", "movmskpd", "cpuid", "rdtsc", "rdtscp", "lahf")
)
"""What they find in a value is not followed: so a string's length is no leak of what lies behind its end."""
_HALVES: Final = {
    # name → offset in the register
    "movlps": 0,
    "movlpd": 0,
    "movhps": 8,
    "movhpd": 8,
}
_TWO_HALVES: Final = {
    # name → quadwords of the result, of the first operand's two and the second's two
    "movlhps": (0, 2),
    "movhlps": (3, 1),
    "punpcklqdq": (0, 2),
    "unpcklpd": (0, 2),
    "punpckhqdq": (1, 3),
    "unpckhpd": (1, 3),
}


@functools.lru_cache(maxsize=65536)
def transfers(encoding: bytes) -> tuple[Transfer, ...]:
    """Return what an instruction does; nothing where no shadow changes. All sources count as they were before it."""
    found = disassemble(encoding)
    if found is None:
        return ()
    name = found.mnemonic.split()[-1]
    operands = [_place(found, operand) for operand in found.operands]
    constants = [int(operand.imm) for operand in found.operands if operand.type == cs.X86_OP_IMM]
    if name in ("push", "pop") or name.startswith("call"):
        return _stack(name, operands)
    if any(name.startswith(string) for string in ("movs", "stos", "lods")) and _is_string(found):
        return _string(name, operands)
    made = _moves(name, operands) or _exchanges(name, operands) or _arithmetic(name, found, operands, constants)
    return made if made is not None else _anything(encoding, operands)


def _is_string(found: Any) -> bool:
    return int(found.opcode[0]) in range(0xA4, 0xAE)


def _place(found: Any, operand: Any) -> Place | None:
    """Return the place of an operand, None for a constant or a register that has no shadow."""
    if operand.type == cs.X86_OP_MEM:
        return Place(MEMORY, 0, operand.size)
    if operand.type != cs.X86_OP_REG:
        return None
    name = found.reg_name(operand.reg)
    number = NUMBERS.get(name)
    return None if number is None else Place(number, 1 if name in _HIGH else 0, operand.size)


def _stack(name: str, operands: list[Place | None]) -> tuple[Transfer, ...]:
    if name.startswith("call"):
        return (Transfer(Place(MEMORY, 0, GENERAL_SIZE), (), lambda: c.clean(GENERAL_SIZE)),)
    operand = operands[0]
    memory = Place(MEMORY, 0, operand.size if operand else GENERAL_SIZE)
    if name == "pop":
        return (Transfer(operand, (memory,), c.move),) if operand else ()
    if operand is None:
        return (Transfer(memory, (), lambda: c.clean(GENERAL_SIZE)),)
    return (Transfer(memory, (operand,), c.move),)


def _string(name: str, operands: list[Place | None]) -> tuple[Transfer, ...]:
    target, source = operands
    return (Transfer(target, (source,), c.move),) if target and source else ()


def _moves(name: str, operands: list[Place | None]) -> tuple[Transfer, ...] | None:
    if len(operands) != 2:
        return None
    target, source = operands
    if target is None:
        return None
    if name in ("mov", "movabs", "movnti") or name in _VECTOR_MOVES:
        if source is None:
            return (Transfer(target, (), functools.partial(c.clean, target.size)),)
        return (Transfer(target, (source._replace(size=target.size),), c.move),)
    if source is None:
        return None
    if name == "movzx":
        return (Transfer(target, (source,), c.zero_extended(target.size)),)
    if name in ("movsx", "movsxd"):
        return (Transfer(target, (source,), c.sign_extended(target.size)),)
    if name in ("movd", "movq", "movss", "movsd"):
        return _scalar(name, target, source)
    if name in _HALVES:
        offset = _HALVES[name]
        halves = [Place(each.register, 0 if each.register == MEMORY else offset, 8) for each in (target, source)]
        return (Transfer(halves[0], (halves[1],), c.move),)
    if name in _TWO_HALVES and source.size == VECTOR_SIZE:
        return (Transfer(target, (target, source), c.shuffled(_TWO_HALVES[name], 8)),)
    return None


def _scalar(name: str, target: Place, source: Place) -> tuple[Transfer, ...]:
    size = 8 if name in ("movq", "movsd") else 4
    if MEMORY not in (target.register, source.register):
        size = min(size, target.size, source.size)
    part = source._replace(size=size)
    keeps_rest = name in ("movss", "movsd") and source.register != MEMORY
    if target.register < VECTORS or keeps_rest:
        return (Transfer(target._replace(size=size), (part,), c.move),)
    return (Transfer(target._replace(size=VECTOR_SIZE), (part,), c.zero_extended(VECTOR_SIZE)),)


def _exchanges(name: str, operands: list[Place | None]) -> tuple[Transfer, ...] | None:
    if name not in ("xchg", "xadd", "cmpxchg") or None in operands:
        return None
    target, source = (each for each in operands if each is not None)
    if name == "xchg":
        return Transfer(target, (source,), c.move), Transfer(source, (target,), c.move)
    if name == "xadd":
        return Transfer(target, (target, source), c.upwards), Transfer(source, (target,), c.move)
    old = Place(r.RAX, 0, target.size)
    return Transfer(target, (target, source), c.both), Transfer(old, (old, target), c.both)


def _arithmetic(
    name: str, found: Any, operands: list[Place | None], constants: list[int]
) -> tuple[Transfer, ...] | None:
    target = operands[0] if operands else None
    if target is None:
        return None
    size = target.size
    sources = tuple(operand for operand in operands if operand is not None)
    if (
        len(sources) == 2
        and len(operands) == 2
        and sources[0] == sources[1]
        and not data_flow(bytes(found.bytes)).into_registers
    ):
        return (Transfer(target, (), functools.partial(c.clean, size)),) if target.register != MEMORY else None
    if name.startswith("set") or name in _COUNTS:
        return (Transfer(target, (), functools.partial(c.clean, size)),)
    if name.startswith("cmov"):
        return (Transfer(target, sources, c.both),)
    if name == "not":
        return (Transfer(target, (target,), c.move),)
    if name == "bswap":
        return (Transfer(target, (target,), c.reversed_bytes),)
    if name in ("shl", "sal", "shr", "sar", "rol", "ror") and (constants or len(operands) == 1):
        return (Transfer(target, (target,), _shift(name, (constants or [1])[0] % (64 if size == 8 else 32), size)),)
    if name == "pshufd" and constants:
        order = tuple(constants[0] >> 2 * unit & 3 for unit in range(4))
        return (Transfer(target, (sources[1]._replace(size=VECTOR_SIZE),), c.shuffled(order, 4)),)
    if name in ("and", "or", "xor") and constants:
        mask = (constants[0] & (1 << 8 * size) - 1).to_bytes(size, "little")
        kinds = {"and": c.masked(mask), "or": c.filled(mask), "xor": c.move}
        return (Transfer(target, (target,), kinds[name]),)
    if name in _BITWISE and len(sources) == 2:
        return (Transfer(target, (target, sources[1]._replace(size=size)), c.either),)
    if name == "lea":
        numbers = numbers_of(found, found.regs_access()[0])
        return (Transfer(target, tuple(Place(number, 0, size) for number in numbers), _at_least(size)),)
    if name in _UPWARDS and len(operands) > 1:
        read = sources[1:] if name == "imul" and len(operands) == 3 else sources
        return (Transfer(target, tuple(each._replace(size=size) for each in read), c.upwards),)
    if name in _UPWARDS and name != "imul":
        return (Transfer(target, (target,), c.upwards),)
    return None


def _at_least(size: int) -> c.Combination:
    return lambda *sources: c.upwards(c.clean(size), *sources)


def _shift(name: str, bits: int, size: int) -> c.Combination:
    if name in ("shl", "sal"):
        return c.shifted_left(bits)
    if name in ("rol", "ror"):
        return c.rotated_left(bits if name == "rol" else -bits)
    return c.shifted_right(bits, signed=name == "sar")


def _anything(encoding: bytes, operands: list[Place | None]) -> tuple[Transfer, ...]:
    """Return what holds of every instruction: all that goes in may come out everywhere."""
    flow = data_flow(encoding)
    memory = next((each for each in operands if each is not None and each.register == MEMORY), None)
    read = memory or Place(MEMORY, 0, GENERAL_SIZE)
    result = []
    for number in flow.changes:
        sources = (*(_whole(each) for each in flow.into_registers), *((read,) if flow.memory_into_registers else ()))
        result.append(Transfer(_whole(number), sources, c.everywhere(_whole(number).size)))
    if memory is not None:
        sources = (*(_whole(each) for each in flow.into_memory), *((read,) if flow.memory_into_memory else ()))
        result.append(Transfer(memory, sources, c.everywhere(memory.size)))
    return tuple(result)


def _whole(number: int) -> Place:
    return Place(number, 0, VECTOR_SIZE if number >= VECTORS else GENERAL_SIZE)

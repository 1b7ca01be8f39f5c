# SPDX-License-Identifier: GPL-2.0-or-later
"""Which instructions change a register, save it to memory as a whole, or load it from there."""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

from emu.checks.call.data_flow import NUMBERS, VECTORS, data_flow
from emu.cpu import registers as r
from emu.cpu.instruction import decode

NONVOLATILE: Final = {
    **{name: r.GPR_NAMES.index(name) for name in ("rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15")},
    **{f"xmm{number}": VECTORS + number for number in range(6, 16)},
}
"""The registers that a function leaves as it found them (Microsoft Learn, "x64 calling convention"): name → number."""

_VECTOR_MOVES: Final = ("movaps", "movups", "movdqa", "movdqu", "movapd", "movupd")
_MOVE: Final = re.compile(rf"(mov|movabs|{'|'.join(_VECTOR_MOVES)}) ([^,]+), ([^,]+)")
_WHOLE_STATE: Final = ("fxrstor", "xrstor")
"""They load all vector registers."""


class RegisterMove(NamedTuple):
    """What one encoding does to the nonvolatile registers, by their numbers."""

    changes: frozenset[int]
    saves: int | None
    """The register of which it stores the whole value, first of all that it stores."""
    restores: int | None
    """The register that it loads as a whole, with what it reads first."""
    loads_mxcsr: bool


@functools.lru_cache(maxsize=65536)
def register_move(encoding: bytes) -> RegisterMove:
    """Return what an instruction does to the nonvolatile registers."""
    text = decode(encoding).text
    name, _, operands = text.partition(" ")
    changed = frozenset(NONVOLATILE.values()) & frozenset(data_flow(encoding).changes)
    if name.startswith(_WHOLE_STATE):
        changed = frozenset(number for number in NONVOLATILE.values() if number >= VECTORS)
    saves = restores = None
    if name == "push":
        saves = _whole(operands)
    elif name == "pop":
        restores = _whole(operands)
    elif name == "leave":
        restores, changed = r.RBP, changed | {r.RBP}
    elif (found := _MOVE.fullmatch(text)) is not None:
        target, source = found[2], found[3]
        saves = _whole(source) if "[" in target else None
        restores = _whole(target) if "[" in source else None
    return RegisterMove(changed, saves, restores, name == "ldmxcsr")


SAVES: Final = 32
RESTORES: Final = 40
LOADS_MXCSR: Final = 1 << 48
NUMBER: Final = 0xFF
"""Fields of `packed_move`: a bit for each register that is changed, the numbers of those that are saved and restored,
one more than they are, 0 for none, and a bit."""


@functools.lru_cache(maxsize=65536)
def packed_move(encoding: bytes) -> int:
    """Return the same as one number."""
    move = register_move(encoding)
    saves, restores = (0 if number is None else number + 1 for number in (move.saves, move.restores))
    changes = sum(1 << number for number in move.changes)
    return changes | saves << SAVES | restores << RESTORES | (LOADS_MXCSR if move.loads_mxcsr else 0)


def _whole(operand: str) -> int | None:
    """Return the number of a nonvolatile register, None for what is none, or a part of one."""
    number = NUMBERS.get(operand)
    return number if operand in NONVOLATILE else None

# SPDX-License-Identifier: GPL-2.0-or-later
"""The accesses of instructions that save and restore the floating-point state, and of packed decimals.

The Intel SDM, Vol. 1, 8.1.10 and 10.5.1, says what lies where, and leaves open in which order and in which pieces it
is accessed: there the engine's way counts. It reads less than a processor does: `fldenv`, `frstor` and `fxrstor` leave
the pointers out.
"""

from __future__ import annotations

from typing import Final

from tests.trace.operands import Accesses, Decoded, State, read, write

_X87_REGISTERS: Final = 8
_FXSAVE_HEAD: Final = ((0, 2), (2, 2), (4, 2), (8, 8), (16, 8))
"""FCW, FSW, FTW, FIP, FDP: offset and size."""
_X87_AREA: Final = tuple(piece for at in range(0x20, 0xA0, 16) for piece in ((at, 8), (at + 8, 2)))
_XMM_AREA: Final = tuple((at, 8) for at in range(0xA0, 0x1A0, 8))


def save_state(code: Decoded, state: State) -> Accesses:
    """`fxsave`."""
    base = state.address(code, code.memory[0])
    for offset, size in (*_FXSAVE_HEAD, *_X87_AREA, (0x18, 4), (0x1C, 4)):
        yield write(base + offset, size, None)
    for offset, size in _XMM_AREA:
        value = state.vectors.get(f"xmm{(offset - 0xA0) // 16}")
        yield write(base + offset, size, None if value is None else value >> 8 * (offset % 16))


def restore_state(code: Decoded, state: State) -> Accesses:
    """`fxrstor`."""
    base = state.address(code, code.memory[0])
    for offset, size in ((0, 2), (2, 2), (4, 2), *_X87_AREA, (0x18, 4)):
        yield read(base + offset, size)
    state.vectors.clear()
    for offset, size in _XMM_AREA:
        value = yield read(base + offset, size)
        name = f"xmm{(offset - 0xA0) // 16}"
        state.vectors[name] = state.vectors.get(name, 0) | value << 8 * (offset % 16)


def _environment(code: Decoded, state: State) -> tuple[int, int]:
    """Return the address of an x87 environment, and the size of each of its seven fields."""
    return state.address(code, code.memory[0]), 2 if 0x66 in code.prefixes else 4


def store_environment(code: Decoded, state: State) -> Accesses:
    """`fnstenv`, `fnsave`: control, status and tag word, the pointers; and the registers."""
    base, width = _environment(code, state)
    for number in range(7):
        yield write(base + width * number, width, None)
    if code.name == "fnsave":
        for number in range(_X87_REGISTERS):
            yield write(base + 7 * width + 10 * number, 10, None)


def load_environment(code: Decoded, state: State) -> Accesses:
    """`fldenv`, `frstor`."""
    base, width = _environment(code, state)
    for number in range(3):
        yield read(base + width * number, 2)
    if code.name == "frstor":
        for number in range(_X87_REGISTERS):
            yield read(base + 7 * width + 10 * number, 10)


def load_decimal(code: Decoded, state: State) -> Accesses:
    """`fbld`: the engine reads the digits from the highest byte down, and the sign."""
    base = state.address(code, code.memory[0])
    for at in (*reversed(range(9)), 9):
        yield read(base + at, 1)


def store_decimal(code: Decoded, state: State) -> Accesses:
    """`fbstp`: the engine writes the sign, and the digits from the lowest byte up."""
    base = state.address(code, code.memory[0])
    for at in (9, *range(9)):
        yield write(base + at, 1, None)

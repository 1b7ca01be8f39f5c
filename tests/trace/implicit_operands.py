# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions access without naming it: the stack, the state of the processor, tables of bits and bytes.

The source is the Intel SDM, Vol. 2, "Operation" of each instruction. It leaves open in which order `cmps` reads and in
which pieces `fxsave` writes: there the engine's way counts.
"""

from __future__ import annotations

from typing import Final

from tests.trace.operands import QUAD, RBP, RFLAGS, RIP, RSP, Accesses, Decoded, Operand, State, read, write

PUSHED_FLAGS: Final = ~(1 << 16 | 1 << 17) & QUAD
"""RF and VM are pushed as 0."""


def stack_width(code: Decoded) -> int:
    """Return the bytes of a push or pop."""
    return 2 if 0x66 in code.prefixes else 8


def push(code: Decoded, state: State) -> Accesses:
    """`push` of a register, an immediate, a segment register or memory."""
    operand, width = code.operands[0], stack_width(code)
    if operand.is_memory:
        value: int | None = yield read(state.address(code, operand), width)
    else:
        value = state.value(operand, width)
    yield write(state.row[RSP] - width, width, value)


def pop(code: Decoded, state: State) -> Accesses:
    """`pop` into a register or memory, whose address is formed with the RSP behind the pop."""
    operand, width = code.operands[0], stack_width(code)
    value = yield read(state.row[RSP], width)
    if operand.is_memory:
        after = list(state.row)
        after[RSP] += width
        yield write(State(after).address(code, operand), width, value)


def push_flags(code: Decoded, state: State) -> Accesses:
    """`pushf`, `pushfq`."""
    width = stack_width(code)
    yield write(state.row[RSP] - width, width, state.row[RFLAGS] & PUSHED_FLAGS)


def pop_flags(code: Decoded, state: State) -> Accesses:
    """`popf`, `popfq`."""
    yield read(state.row[RSP], stack_width(code))


def call(code: Decoded, state: State) -> Accesses:
    """A near call."""
    if 0x66 in code.prefixes:
        raise NotImplementedError(code.text)
    if code.memory:
        yield read(state.address(code, code.memory[0]), 8)
    yield write(state.row[RSP] - 8, 8, state.row[RIP] + code.size)


def near_return(code: Decoded, state: State) -> Accesses:
    """`ret`, with or without bytes to drop."""
    if 0x66 in code.prefixes:
        raise NotImplementedError(code.text)
    yield read(state.row[RSP], 8)


def far_return(code: Decoded, state: State) -> Accesses:
    """`retf`, `retfq` to the same privilege level: RIP and CS."""
    width = 8 if code.wide else 4
    yield read(state.row[RSP], width)
    yield read(state.row[RSP] + width, width)


def interrupt_return(code: Decoded, state: State) -> Accesses:
    """`iretq`: RIP, CS, RFLAGS, RSP, SS."""
    if not code.wide:
        raise NotImplementedError(code.text)
    for number in range(5):
        yield read(state.row[RSP] + 8 * number, 8)


def enter(code: Decoded, state: State) -> Accesses:
    """`enter`: RBP, the frame pointers of the levels outside, the new one."""
    if 0x66 in code.prefixes:
        raise NotImplementedError(code.text)
    level, frame = code.operands[1].immediate % 32, state.row[RSP] - 8
    yield write(frame, 8, state.row[RBP])
    for number in range(1, level):
        value = yield read(state.row[RBP] - 8 * number, 8)
        yield write(frame - 8 * number, 8, value)
    if level:
        yield write(frame - 8 * level, 8, frame)


def leave(code: Decoded, state: State) -> Accesses:
    """`leave` pops from where RBP points."""
    yield read(state.row[RBP], stack_width(code))


def is_last_look(code: Decoded, state: State) -> bool:
    """Whether a repeated instruction has nothing left to do."""
    count = state.general("ecx" if 0x67 in code.prefixes else "rcx")
    return code.prefixes[0] in (0xF2, 0xF3) and count == 0


def string(code: Decoded, state: State) -> Accesses:
    """One iteration of a string instruction. The engine's `cmps` reads through RDI first."""
    if is_last_look(code, state):
        return
    places = {operand.base[-2:]: operand for operand in code.memory}
    kind = code.name[:-1]

    def at(register: str) -> tuple[int, int]:
        operand: Operand = places[register]
        return state.address(code, operand), operand.size

    if kind == "movs":
        value = yield read(*at("si"))
        yield write(*at("di"), value)
    elif kind == "stos":
        yield write(*at("di"), state.register("rax"))
    elif kind == "lods":
        yield read(*at("si"))
    elif kind == "scas":
        yield read(*at("di"))
    else:
        yield read(*at("di"))
        yield read(*at("si"))


def translate(code: Decoded, state: State) -> Accesses:
    """`xlatb`: the byte of the table at RBX that AL numbers."""
    address = state.general("rbx") + state.general("al")
    yield read(address & 0xFFFF_FFFF if 0x67 in code.prefixes else address, 1)


_FXSAVE_HEAD: Final = ((0, 2), (2, 2), (4, 2), (8, 8), (16, 8))
"""FCW, FSW, FTW, FIP, FDP: offset and size."""
_X87_AREA: Final = tuple(piece for at in range(0x20, 0xA0, 16) for piece in ((at, 8), (at + 8, 2)))
_XMM_AREA: Final = tuple((at, 8) for at in range(0xA0, 0x1A0, 8))


def save_state(code: Decoded, state: State) -> Accesses:
    """`fxsave`, in the pieces in which the engine writes."""
    base = state.address(code, code.memory[0])
    for offset, size in (*_FXSAVE_HEAD, *_X87_AREA, (0x18, 4), (0x1C, 4)):
        yield write(base + offset, size, None)
    for offset, size in _XMM_AREA:
        value = state.xmm.get(f"xmm{(offset - 0xA0) // 16}")
        yield write(base + offset, size, None if value is None else value >> 8 * (offset % 16))


def restore_state(code: Decoded, state: State) -> Accesses:
    """`fxrstor`, in the pieces in which the engine reads."""
    base = state.address(code, code.memory[0])
    for offset, size in ((0, 2), (2, 2), (4, 2), *_X87_AREA, (0x18, 4)):
        yield read(base + offset, size)
    state.xmm.clear()
    for offset, size in _XMM_AREA:
        value = yield read(base + offset, size)
        name = f"xmm{(offset - 0xA0) // 16}"
        state.xmm[name] = state.xmm.get(name, 0) | value << 8 * (offset % 16)

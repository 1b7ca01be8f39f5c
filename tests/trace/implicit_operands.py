# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions access without naming it, or of what they name: the stack, strings, descriptors, masked bytes.

The source is the Intel SDM, Vol. 2, "Operation" of each instruction. It leaves open in which order `cmps` reads: there
the engine's way counts.
"""

from __future__ import annotations

from typing import Final

from tests.trace.operands import QUAD, RBP, RFLAGS, RIP, RSP, Accesses, Decoded, Operand, State, read, write

PUSHED_FLAGS: Final = ~(1 << 16 | 1 << 17) & QUAD
"""RF and VM are pushed as 0."""


def stack_width(code: Decoded) -> int:
    """Return the bytes of a push or pop."""
    return 2 if 0x66 in code.prefixes and not code.wide else 8


def descriptor(state: State, selector: int) -> Accesses:
    """The descriptor that a selector means, none for a null selector. The engine reads it in two halves."""
    index = selector & 0xFFF8
    if index or selector & 4:
        yield read(state.descriptors + index, 4)
        yield read(state.descriptors + index + 4, 4)


def push(code: Decoded, state: State) -> Accesses:
    """`push` of a register, an immediate, a segment register or memory."""
    operand, width = code.operands[0], stack_width(code)
    if operand.is_memory:
        value: int | None = yield read(state.address(code, operand), width)
    else:
        value = state.value(operand, width)
    yield write(state.row[RSP] - width, width, value)


def pop(code: Decoded, state: State) -> Accesses:
    """`pop` into a register, a segment register or memory, whose address is formed with the RSP behind the pop."""
    operand, width = code.operands[0], stack_width(code)
    value = yield read(state.row[RSP], width)
    if operand.is_memory:
        after = list(state.row)
        after[RSP] += width
        yield write(State(after).address(code, operand), width, value)
    if operand.is_segment:
        yield from descriptor(state, value)


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
    width = _far_width(code)
    yield read(state.row[RSP], width)
    selector = yield read(state.row[RSP] + width, width)
    yield from descriptor(state, selector)


def interrupt_return(code: Decoded, state: State) -> Accesses:
    """`iretq`: RIP, CS, RFLAGS, RSP, SS."""
    if not code.wide:
        raise NotImplementedError(code.text)
    selector = 0
    for number in range(5):
        value = yield read(state.row[RSP] + 8 * number, 8)
        if number == 1:
            selector = value
        elif number == 2:
            yield from descriptor(state, selector)
    yield from descriptor(state, value)


def _far_width(code: Decoded) -> int:
    return 8 if code.wide else 2 if 0x66 in code.prefixes else 4


def far_branch(code: Decoded, state: State) -> Accesses:
    """`call` and `jmp` through a far pointer, to the same privilege level."""
    width, address = _far_width(code), state.address(code, code.memory[0])
    if width == 8:
        selector = (yield read(address, 10)) >> 64
    else:
        yield read(address, width)
        selector = yield read(address + width, 2)
    yield from descriptor(state, selector)
    if code.name.endswith("call"):
        # The selector of CS is not among the registers of a trace.
        yield write(state.row[RSP] - width, width, None)
        yield write(state.row[RSP] - 2 * width, width, state.row[RIP] + code.size)


def load_pointer(code: Decoded, state: State) -> Accesses:
    """`lfs` and the like. With REX.W Intel loads ten bytes, AMD and the engine six."""
    if code.wide:
        raise NotImplementedError(code.text)
    width, address = code.operands[0].size, state.address(code, code.memory[0])
    yield read(address, width)
    selector = yield read(address + width, 2)
    yield from descriptor(state, selector)


def select(code: Decoded, state: State) -> Accesses:
    """`mov` to a segment register, `lar`, `lsl`, `verr`, `verw`: a selector, and the descriptor that it means."""
    operand = code.operands[-1]
    if operand.is_memory:
        selector = yield read(state.address(code, operand), 2)
    else:
        selector = state.general(operand.register)
    yield from descriptor(state, selector)


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
    return code.repeats and count == 0


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


def store_masked(code: Decoded, state: State) -> Accesses:
    """`maskmovdqu`, `maskmovq`: byte by byte, those whose byte in the mask has bit 7 set."""
    data, mask = (state.register(operand.register) for operand in code.operands)
    if mask is None:
        raise NotImplementedError(f"{code.text}, whose mask is not known")
    base = state.general("edi" if 0x67 in code.prefixes else "rdi")
    for at in range(code.operands[0].size):
        if mask >> 8 * at & 0x80:
            yield write(base + at, 1, None if data is None else data >> 8 * at)
